"""Carry a snapshot forward: recompute only the customers whose tags can have changed.

From one date to a later one an aggregate tag of a customer changes only if

- the known rows of the customer changed: a row was recorded, superseded or reached a milestone in
  between, or it was delivered late. Late rows are noticed by *digests*: hashes of what the earlier
  snapshot saw, one for each table and bucket of customers;
- a date in one of their rows passed a limit that a tag of this relation compares it with, as read
  from the expressions (`features.tags.turns`).

Such customers are *stale*, each for the relations concerned. A customer who is taken for stale
without need costs time, never correctness. All others keep their values, and tags named
`days_since_` or `days_to_` move with the calendar. Derived tags are computed anew for everybody.
The result equals the full rebuild's, byte for byte.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.spine import SPINE, Spine
from features.lake.variables import number_variable
from features.snapshots.snapshots import Snapshot, read_snapshot, snapshot_dates
from features.snapshots.stale import stale_customers
from features.sql import quoted
from features.tags.declare import Tag
from features.tags.turns import relation_turns

DAYS = "carried_days"
STALE = "stale"
"""Where stored SQL reads who must be recomputed."""
LONGEST_STEP = 31
"""Days; beyond, most customers are stale anyway."""


@dataclass(frozen=True)
class Base:
    """A snapshot to carry forward, and the customers who must be recomputed.

    Attributes
    ----------
    snapshot : Snapshot
        The earlier snapshot; its files are the ones its manifest binds.
    days : int
        From its date to the new one's.
    stale : ibis Table (customer_id, one boolean column per relation)
        Customers, and whether their tags over the relation can have changed.
    customers : int
        Number of stale customers over all relations.
    """

    snapshot: Snapshot
    days: int
    stale: ir.Table
    customers: int

    def stale_pairs(self, spine: str, relation: str) -> str:
        """Write the query of the rows of a table whose tags over a relation can have changed."""
        stale = f"SELECT customer_id FROM {quoted(STALE)} WHERE {quoted(relation)}"
        return f"SELECT * FROM {quoted(spine)} WHERE customer_id IN ({stale})"

    def merge(
        self, lake: Lake, spine: Spine, relation: str, tags: Sequence[Tag], recomputed: ir.Table
    ) -> ir.Table:
        """Merge the recomputed aggregate of stale customers with the base's of all others.

        Parameters
        ----------
        lake : Lake
            The home of the base.
        spine : Spine
            Customers and the one new date.
        relation : str
            A relation of `RELATIONS`.
        tags : sequence of Tag
            Those of other relations are passed over.
        recomputed : ibis Table (customer_id, as_of, one column per tag)
            The aggregate over the rows of `stale_pairs`.

        Returns
        -------
        ibis Table (customer_id, as_of, one column per tag of the relation)
        """
        aggregated = [tag for tag in tags if tag.relation == relation]
        old = _values(lake, self.snapshot, aggregated)
        old = old.anti_join(self._stale_by(relation), "customer_id")
        ((as_of, _),) = spine.moments
        carried = old.select(
            "customer_id",
            as_of=as_of,
            **{tag.name: _shift_days(old[tag.name], tag.name) for tag in aggregated},
        )
        # The engine's sum of whole numbers has a wider type than the tag.
        columns = {tag.name: recomputed[tag.name].cast(tag.type) for tag in aggregated}
        return carried.union(recomputed.select(*SPINE, **columns))

    def register(self, lake: Lake) -> None:
        """Register what the SQL of `merge` reads by name: the base's files, the days since it."""
        lake.engine.raw_sql(f"SET VARIABLE {DAYS} = {self.days}::BIGINT")
        for group, entry in self.snapshot.files.items():
            lake.read(str(lake.data / entry["path"]), f"base_{group}")

    def _stale_by(self, relation: str) -> ir.Table:
        return self.stale.filter(self.stale[relation]).select("customer_id")


def find_base(lake: Lake, as_of: date, definitions: str) -> Snapshot | None:
    """Find the latest snapshot up to a date that can be carried forward to it.

    Only on one machine: a cluster computes everything each time.

    Parameters
    ----------
    lake : Lake
        The home of the snapshots.
    as_of : date
        The date of the new snapshot.
    definitions : str
        Hash of today's definitions; the base must have the same.

    Returns
    -------
    Snapshot or None
        None: everything must be computed.
    """
    if lake.name != "duckdb":
        return None
    for day in reversed([day for day in snapshot_dates(lake) if day <= as_of]):
        if (as_of - day).days > LONGEST_STEP:
            break
        try:
            snapshot = read_snapshot(lake, day, verify=True)
        except GuanjiaError:
            continue
        if snapshot.definitions == definitions and snapshot.digests:
            return snapshot
    return None


@contextmanager
def open_base(lake: Lake, snapshot: Snapshot | None, as_of: date) -> Iterator[Base | None]:
    """Determine who must be recomputed to carry a snapshot forward to a date.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    snapshot : Snapshot or None
        As `find_base` returned it.
    as_of : date
        The date of the new snapshot.

    Yields
    ------
    Base or None
        None if there is no snapshot, or it saw other raw tables than there are today.
    """
    if snapshot is None:
        yield None
        return
    digests = lake.data / snapshot.digests["path"]
    seen = lake.engine.read_parquet(str(digests))
    tables = [name for name in CONTRACTS if lake.has(name)]
    # Whether a table is there concerns all customers; the digests of their rows cannot show it.
    if set(seen.name.to_pyarrow().to_pylist()) != set(tables):
        yield None
        return
    then = date.fromisoformat(snapshot.as_of)
    turns = relation_turns(lake, snapshot.definitions)
    parts = " UNION ALL ".join(
        f"SELECT * FROM ({stale_customers(lake, CONTRACTS[name], then, as_of, digests, turns)})"
        for name in tables
    )
    flags = ", ".join(f"bool_or({quoted(name)}) AS {quoted(name)}" for name in turns)
    query = f"SELECT customer_id, {flags} FROM ({parts}) GROUP BY customer_id"
    with lake.materialised(STALE, query) as open_stale:
        stale = open_stale()
        customers = int(stale.count().to_pyarrow().as_py())
        yield Base(snapshot, (as_of - then).days, stale, customers)


def _values(lake: Lake, snapshot: Snapshot, tags: Sequence[Tag]) -> ir.Table:
    """Read tags of a snapshot from the files of their groups, one row a customer."""
    groups = dict.fromkeys(tag.group for tag in tags)
    values: ir.Table | None = None
    for group in groups:
        rows = lake.read(str(lake.data / snapshot.files[group]["path"]), f"base_{group}")
        rows = rows.select("customer_id", *(tag.name for tag in tags if tag.group == group))
        values = rows if values is None else values.inner_join(rows, "customer_id")
    assert values is not None
    return values


def _shift_days(value: ir.Value, name: str) -> ir.Value:
    if name.startswith("days_since_"):
        return value + number_variable(DAYS)
    return value - number_variable(DAYS) if name.startswith("days_to_") else value
