"""Join checked tables with the spine, so that relations hold only what was known at a cutoff.

Every relation starts from `known_versions`, the only function that joins a table with the spine.
`features.lake.known_at` decides which versions of a row are known.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir

from features.contracts.contract import civil_day
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.joins import union_all
from features.lake.known_at import known_rows, select_known
from features.lake.spine import Spine

HORIZONS = (0, 7, 30, 60, 90, 180, 365)
"""Whole days that tags compare a civil-day distance with, before the date or ahead of it.

What a tag compares with is read from its expression (`features.tags.turns`), be it one of these or
not. Where the expression is not understood, one of these is assumed: if no date of a customer
crosses any and nothing new is known, the tags of that customer stay the same."""


@dataclass(frozen=True)
class Relation:
    """A named relation that tags aggregate.

    Attributes
    ----------
    name : str
        Its name: `claims`.
    tables : tuple of str
        Tables that it needs.
    also : tuple of str
        Tables that it reads too, but can do without.
    build : callable of (Lake, Spine) to ibis.Table
        Returns its rows over a spine.
    """

    name: str
    tables: tuple[str, ...]
    also: tuple[str, ...]
    build: Callable[[Lake, Spine], ir.Table]

    @property
    def reads(self) -> tuple[str, ...]:
        """All tables that its rows depend on."""
        return (*self.tables, *self.also)


RELATIONS: dict[str, Relation] = {}

Build = Callable[[Lake, Spine], ir.Table]


def relation(*tables: str, also: tuple[str, ...] = ()) -> Callable[[Build], Build]:
    """Register the decorated function as a relation, named like the function.

    Parameters
    ----------
    *tables : str
        Tables that it needs.
    also : tuple of str
        Tables that it reads too, but can do without.
    """

    def register(build: Build) -> Build:
        RELATIONS[build.__name__] = Relation(build.__name__, tables, also, build)
        return build

    return register


def known_versions(lake: Lake, spine: Spine, table: str, *columns: str) -> ir.Table:
    """Read a table as it was known at each cutoff of the spine.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : Spine
        Customers and dates.
    table : str
        Name of a raw table that has a `customer_id`.
    *columns : str
        Columns that are read beside `customer_id`; default: all.

    Returns
    -------
    ibis.Table
        The version of each row that was the latest at the cutoff, without milestones that had not
        happened by then (`features.lake.known_at.known_rows`); with `as_of`, `cutoff`, `from_36m`.
    """
    contract = CONTRACTS[table]
    read = ("customer_id", *columns) if columns else ()
    checked = select_known(lake.table(table), contract, read)
    return union_all([known_rows(rows, contract, rows.cutoff) for rows in spine.join(checked)])


def days_ago(rows: ir.Table, day: str) -> ir.Value:
    """Count the civil days from a column to `as_of`: 0 on the date itself, so `< N` is N days."""
    return rows.as_of.delta(rows[day], unit="day").cast("int64")


def events(lake: Lake, spine: Spine, table: str, event: str | None = None) -> ir.Table:
    """Read the known rows of a table whose event had happened by the cutoff.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : Spine
        Customers and dates.
    table : str
        Name of a raw table that has a `customer_id`.
    event : str, optional
        Instant that says when it happened; default: the table's `event_time`.

    Returns
    -------
    ibis.Table
        As `known_versions`, with `days_ago` (civil days before the date) and `in_36m` (bool).
    """
    rows = known_versions(lake, spine, table)
    event = event or CONTRACTS[table].event_time
    rows = rows.filter(rows[event] < rows.cutoff)
    day = civil_day(event)
    return rows.mutate(days_ago=days_ago(rows, day), in_36m=rows[day] > rows.from_36m)
