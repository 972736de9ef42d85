"""Measure the demand for contacts: what they would have been worth to the customers decided on.

Demand is read from the recorded decisions, which hold what it takes to value every candidate. So
it counts only contacts that consent, caps and gates would have allowed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from serving.decision.core import settle
from serving.decision.record import restore_facts
from serving.records.columns import first_id
from serving.records.contacts.decisions import with_document
from serving.records.database import Records
from serving.records.tables import decisions

BATCH = 500
"""Decisions read in one query."""
_d = decisions.c
_BATCH_QUERY = (
    select(
        _d.decision_id, _d.customer_id, _d.branch, _d.decision_point, _d.decided_at, _d.channel,
        _d.mandatory, _d.randomised, _d.frame_id, _d.packed,
    )
    .where(_d.decision_id >= bindparam("first"), _d.decision_id < bindparam("end"))
    .order_by(_d.decision_id)
    .limit(BATCH)
)  # fmt: skip


@dataclass
class Demand:
    """Demand of the customers of one branch for contacts.

    Attributes
    ----------
    worth : dict of (customer, civil day) to dict of channel to float
        Yuan of the best contact by each channel, without the price of capacity.
    committed : dict of str to int
        By channel, contacts that are made whatever they are worth: service messages, and those
        drawn by lot.
    """

    worth: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    committed: dict[str, int] = field(default_factory=dict)


def measure_demand(
    records: Records, begin: datetime, end: datetime, zone: ZoneInfo
) -> tuple[dict[str, Demand], int]:
    """Measure the demand of each branch from the decisions of a span of time.

    A customer is contacted once a day at most: of several decisions of a day, the best counts.
    Customers without a branch are left out, since they use no branch's capacity.

    Parameters
    ----------
    records : Records
        Where decisions are stored.
    begin, end : datetime
        Decisions from `begin` until before `end` count.
    zone : ZoneInfo
        The insurer's time zone, for civil days.

    Returns
    -------
    demands : dict of str to Demand
        By branch.
    days : int
        Civil days with decisions.
    """
    demands: dict[str, Demand] = {}
    days: set[int] = set()
    for row in past_decisions(records, begin, end):
        day = row["decided_at"].astimezone(zone).date().toordinal()
        days.add(day)
        if row["branch"] is not None:
            _count(demands.setdefault(row["branch"], Demand()), row, day)
    return demands, len(days)


def _count(demand: Demand, row: Mapping[str, Any], day: int) -> None:
    """Add a decision to the demand of its branch."""
    if row["mandatory"] or row["randomised"]:
        if row["channel"] is not None:
            demand.committed[row["channel"]] = demand.committed.get(row["channel"], 0) + 1
        return
    best = demand.worth.setdefault((row["customer_id"], day), {})
    for scored in settle(restore_facts(row["document"]["facts"])).candidates:
        if scored.eligible and scored.value is not None and scored.candidate.kind == "marketing":
            worth = scored.value.total + scored.value.capacity
            channel = scored.candidate.channel
            best[channel] = max(worth, best.get(channel, worth))


def past_decisions(records: Records, begin: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
    """Read decisions in the order of time, in batches, so that no transaction is long.

    Parameters
    ----------
    records : Records
        Where decisions are stored.
    begin, end : datetime
        Decisions from `begin` until before `end`.
    """
    after, last = first_id(begin), first_id(end)
    while True:
        with records.reading() as connection:
            batch = connection.execute(_BATCH_QUERY, {"first": after, "end": last}).mappings()
            rows = [with_document(connection, row) for row in batch.all()]
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1]["decision_id"] + "0"
