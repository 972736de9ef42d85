"""Show whether choices depend on protected traits: ask for twins who differ in nothing else.

The law is docs/adr/0021: neither touchpoint nor channel, offer or silence may depend on age or
years of licence. The report asks for real customers, once as if they were young and new to driving
and once as if they were old, and counts the pairs that would be treated in different ways. Nothing
is reserved or recorded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.decision.core import DecisionResult, settle
from serving.decision.gather import Gatherer
from serving.decision.schemas import DecideRequest
from serving.records.database import Records

YOUNG: Mapping[str, float] = {"age_years": 20, "licence_years": 0}
OLD: Mapping[str, float] = {"age_years": 75, "licence_years": 45}


@dataclass(frozen=True)
class TwinCount:
    """Pairs of twins at a decision point, and how many are treated in different ways.

    Attributes
    ----------
    pairs, contacted : int
        Customers asked about; those of them of whom at least one twin is contacted.
    silence : int
        Pairs of whom one is contacted and the other is not.
    touchpoint, channel, offer : int
        Pairs who are both contacted, and differ in it.
    """

    decision_point: str
    pairs: int
    contacted: int
    silence: int
    touchpoint: int
    channel: int
    offer: int

    @property
    def different(self) -> bool:
        """Whether any pair is treated in different ways."""
        return any((self.silence, self.touchpoint, self.channel, self.offer))


def compare_twins(
    gatherer: Gatherer,
    records: Records,
    customers: Sequence[str],
    decision_points: Iterable[str],
    at: datetime,
) -> list[TwinCount]:
    """Decide for twins at every decision point, and compare.

    Parameters
    ----------
    gatherer : Gatherer
        Gathers the facts of decisions.
    records : Records
        Consents and contacts; they are read only.
    customers : sequence of str
        Customers whose twins are asked about.
    decision_points : iterable of str
        Where.
    at : datetime
        When, with a time zone.
    """
    counts = []
    for point in decision_points:
        pairs = [
            (
                _decide(gatherer, records, customer, point, YOUNG, at),
                _decide(gatherer, records, customer, point, OLD, at),
            )
            for customer in customers
        ]
        counts.append(_count(point, pairs))
    return counts


def _decide(
    gatherer: Gatherer,
    records: Records,
    customer: str,
    point: str,
    changes: Mapping[str, float],
    at: datetime,
) -> DecisionResult:
    request = DecideRequest(customer_id=customer, decision_point=point)
    known = gatherer.read_customer(request, at, changes=changes)
    with records.reading() as connection:
        return settle(gatherer.gather(connection, request, known, at).facts)


def _count(point: str, pairs: Sequence[tuple[DecisionResult, DecisionResult]]) -> TwinCount:
    """Count the pairs that differ, by what they differ in."""
    chosen = [
        tuple(twin.chosen.candidate if twin.chosen else None for twin in pair) for pair in pairs
    ]
    both = [(young, old) for young, old in chosen if young is not None and old is not None]
    acted = sum(young is not None or old is not None for young, old in chosen)
    return TwinCount(
        decision_point=point,
        pairs=len(pairs),
        contacted=acted,
        silence=acted - len(both),
        touchpoint=sum(young.touchpoint != old.touchpoint for young, old in both),
        channel=sum(young.channel != old.channel for young, old in both),
        offer=sum(young.offer != old.offer for young, old in both),
    )
