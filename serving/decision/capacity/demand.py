"""What contacts would have been worth to the customers of whom was decided: demand for capacity.

It is read from the recorded decisions, which say of every candidate what it takes to weigh it. So
it counts those contacts alone that consent, caps and gates would have let pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from serving.decision.core import settle
from serving.decision.record import facts_of
from serving.records.columns import first_id
from serving.records.database import Records
from serving.records.tables import decisions

AT_ONCE = 500
_d = decisions.c
_SOME = (
    select(
        _d.decision_id, _d.customer_id, _d.branch, _d.decided_at, _d.channel, _d.mandatory,
        _d.randomised, _d.document,
    )
    .where(_d.decision_id >= bindparam("first"), _d.decision_id < bindparam("end"))
    .order_by(_d.decision_id)
    .limit(AT_ONCE)
)  # fmt: skip


@dataclass
class Demand:
    """What one branch's customers would have been contacted for.

    Attributes
    ----------
    worth : dict of (customer, civil day) to dict of channel to float
        Yuan of the best contact by each channel, the price of capacity aside.
    taken : dict of str to int
        By channel, contacts that are made whatever they are worth: service messages, and those
        drawn by lot.
    """

    worth: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)


def demand_of(
    records: Records, begin: datetime, end: datetime, zone: ZoneInfo
) -> tuple[dict[str, Demand], int]:
    """The demand of each branch by decisions from `begin` until before `end`; and of how many days.

    A customer is contacted once a day at most: of several decisions of a day, the best counts.
    Decisions of customers without a branch are left out, since no branch's places are theirs.
    """
    found: dict[str, Demand] = {}
    days: set[int] = set()
    for row in _decisions(records, begin, end):
        day = row["decided_at"].astimezone(zone).date().toordinal()
        days.add(day)
        if row["branch"] is not None:
            _count(found.setdefault(row["branch"], Demand()), row, day)
    return found, len(days)


def _count(demand: Demand, row: Mapping[str, Any], day: int) -> None:
    if row["mandatory"] or row["randomised"]:
        if row["channel"] is not None:
            demand.taken[row["channel"]] = demand.taken.get(row["channel"], 0) + 1
        return
    best = demand.worth.setdefault((row["customer_id"], day), {})
    for one in settle(facts_of(row["document"]["facts"])).candidates:
        if one.eligible and one.value is not None and one.candidate.kind == "marketing":
            worth = one.value.total + one.value.capacity
            channel = one.candidate.channel
            best[channel] = max(worth, best.get(channel, worth))


def _decisions(records: Records, begin: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
    """Decisions in the order of time, some at a time: nobody waits for the whole."""
    after, last = first_id(begin), first_id(end)
    while True:
        with records.reading() as connection:
            rows = connection.execute(_SOME, {"first": after, "end": last}).mappings().all()
        yield from (dict(row) for row in rows)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1]["decision_id"] + "0"
