"""What was known of a customer at the end of a date: where relations come from.

Every relation starts from `known`, the one place where a table meets the spine. What counts as
known is decided by `features.lake.known_at`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir

from features.contracts.contract import civil_day
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.joins import union_all
from features.lake.known_at import known_rows
from features.lake.spine import Spine

HORIZONS = (0, 7, 30, 60, 90, 180, 365)
"""Whole days that tags compare a civil-day distance with, before the date or ahead of it.

Snapshots are carried forward by it (`features.snapshots.incremental`): a customer none of whose
dates crosses one of these, and of whom nothing new is known, keeps his tags. A test holds the tags
to it."""


@dataclass(frozen=True)
class Relation:
    """A named relation: the tables it needs, those it also reads, how it is built over a spine."""

    name: str
    tables: tuple[str, ...]
    also: tuple[str, ...]
    build: Callable[[Lake, Spine], ir.Table]

    @property
    def reads(self) -> tuple[str, ...]:
        """All tables that its rows can depend on."""
        return (*self.tables, *self.also)


RELATIONS: dict[str, Relation] = {}

Build = Callable[[Lake, Spine], ir.Table]


def relation(*tables: str, also: tuple[str, ...] = ()) -> Callable[[Build], Build]:
    """Register the decorated function as the relation of its name; it may do without `also`."""

    def register(build: Build) -> Build:
        RELATIONS[build.__name__] = Relation(build.__name__, tables, also, build)
        return build

    return register


def known(lake: Lake, spine: Spine, table: str) -> ir.Table:
    """Rows of `table` as known at each cutoff of the spine, with `as_of` and `from_36m`.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : Spine
        Whom to look at, and when.
    table : str
        Name of a raw table that has a `customer_id`.

    Returns
    -------
    ibis Table
        As `features.lake.known_at.known_rows` shows it: the version of each row that was the
        latest at the cutoff, without milestones that had not happened by then.
    """
    contract = CONTRACTS[table]
    return union_all(
        [known_rows(met, contract, met.cutoff) for met in spine.meets(lake.table(table))]
    )


def days_ago(rows: ir.Table, day: str) -> ir.Value:
    """Civil days from `day` to `as_of`: 0 on the date itself, so `< N` is N days."""
    return rows.as_of.delta(rows[day], unit="day").cast("int64")


def events(lake: Lake, spine: Spine, table: str, event: str | None = None) -> ir.Table:
    """Known rows that had happened by the cutoff, with `days_ago` and `in_36m`."""
    rows = known(lake, spine, table)
    event = event or CONTRACTS[table].event_time
    rows = rows.filter(rows[event] < rows.cutoff)
    day = civil_day(event)
    return rows.mutate(days_ago=days_ago(rows, day), in_36m=rows[day] > rows.from_36m)
