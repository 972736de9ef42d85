"""Carry a snapshot forward: recompute only the customers whose tags can have changed.

From one date to a later one an aggregate tag of a customer changes only if

- the rows known of him did: recorded, superseded or past a milestone in between, or delivered late,
  which the *digests* of what the earlier snapshot saw reveal, a bucket of customers at a time;
- a date in one of his rows crossed a limit that tags compare with: a whole number of days in
  `HORIZONS`, a window of months, half a year from a civil date (ages, inspections). Whoever is
  touched without need costs time, not truth.

All others keep their values, and tags named `days_since_` or `days_to_` move with the calendar.
Derived tags are computed anew for everybody. The result is the full rebuild's, byte for byte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import ibis.expr.types as ir

from features.contracts.contract import Contract, Day
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.joins import union_all
from features.lake.known import HORIZONS
from features.lake.known_at import known_sql, later_instants
from features.lake.spine import SPINE, Spine
from features.settings import cutoff
from features.snapshots.snapshots import Snapshot, read_snapshot, snapshot_dates
from features.sql import instant_sql, sql_text
from features.stars.settings import load_star_settings
from features.tags.declare import Tag
from features.tags.relations.claims_standards import load_claims_standards
from features.tags.relations.relations import RELATIONS

BUCKETS = 1024
LONGEST_STEP = 31
"""Days; beyond, most customers are touched anyway."""


@dataclass(frozen=True)
class Carried:
    """An earlier snapshot to start from, and whom not to take from it.

    Attributes
    ----------
    base : Snapshot
        The earlier snapshot; its files are the ones its manifest binds.
    days : int
        From its date to the new one's.
    touched : dict of str to ibis Table (customer_id)
        Raw table -> customers whose tags over it can have changed.
    customers : int
        How many they are over all tables.
    """

    base: Snapshot
    days: int
    touched: Mapping[str, ir.Table]
    customers: int

    def pairs(self, spine: Spine, relation: str) -> ir.Table:
        """The customers of the spine whose tags over a relation can have changed."""
        return spine.pairs.semi_join(self._touched_by(relation), "customer_id")

    def continued(
        self, lake: Lake, spine: Spine, relation: str, tags: Sequence[Tag], recomputed: ir.Table
    ) -> ir.Table:
        """The aggregate of a relation: recomputed for the touched customers, carried for others.

        Parameters
        ----------
        recomputed : ibis Table (customer_id, as_of, tags)
            The aggregate over what `self.pairs` gave.
        """
        wanted = [tag for tag in tags if tag.relation == relation]
        old = _values(lake, self.base, wanted)
        old = old.anti_join(self._touched_by(relation), "customer_id")
        ((as_of, _),) = spine.moments
        kept = old.select(
            "customer_id",
            as_of=as_of,
            **{tag.name: _aged(old[tag.name], tag.name, self.days) for tag in wanted},
        )
        # The engine's sum of whole numbers has a wider type than the tag.
        anew = {tag.name: recomputed[tag.name].cast(tag.type) for tag in wanted}
        return kept.union(recomputed.select(*SPINE, **anew))

    def open(self, lake: Lake) -> None:
        """Let the queries of `continued`, which may be kept ones, find the base by name."""
        for group, entry in self.base.files.items():
            lake.read(str(lake.home / entry["path"]), f"base_{group}")

    def _touched_by(self, relation: str) -> ir.Table:
        return _all(
            self.touched[name] for name in RELATIONS[relation].reads if name in self.touched
        )


def base_of(lake: Lake, as_of: date, definitions: str) -> Snapshot | None:
    """The latest snapshot up to `as_of` that can be carried there; None: everything is computed.

    On one machine only: a cluster computes everything each time.
    """
    if lake.name != "duckdb":
        return None
    for day in reversed([day for day in snapshot_dates(lake) if day <= as_of]):
        if (as_of - day).days > LONGEST_STEP:
            break
        try:
            found = read_snapshot(lake, day, verify=True)
        except GuanjiaError:
            continue
        if found.definitions == definitions and found.digests:
            return found
    return None


@contextmanager
def carried(lake: Lake, base: Snapshot | None, as_of: date) -> Iterator[Carried | None]:
    """Whom to recompute from `base` to `as_of`; None if there is no base that can be carried."""
    if base is None:
        yield None
        return
    seen = lake.engine.read_parquet(str(lake.home / base.digests["path"]))
    tables = [name for name in CONTRACTS if lake.has(name)]
    # What all customers share, a table that is there or not, no customer's rows can tell.
    if set(seen.name.to_pyarrow().to_pylist()) != set(tables):
        yield None
        return
    then = date.fromisoformat(base.as_of)
    with ExitStack() as stack:
        touched = {
            name: stack.enter_context(
                lake.materialised(
                    f"touched_{name}", _touched(lake, CONTRACTS[name], then, as_of, base)
                )
            )
            for name in tables
        }
        customers = int(_all(touched.values()).count().to_pyarrow().as_py())
        yield Carried(base, (as_of - then).days, touched, customers)


def write_digests(lake: Lake, as_of: date, path: Path) -> None:
    """What was recorded by the end of a date, a hash for each raw table and bucket of customers.

    Superseded versions count: a refund compares the first one with the present one. A row without
    a bucket says that the table was there.
    """
    parts = [
        f"SELECT {sql_text(name)} AS name, * FROM ({_digests(lake, CONTRACTS[name], as_of)}"
        " UNION ALL SELECT NULL, 0, 0)"
        for name in CONTRACTS
        if lake.has(name)
    ]
    query = " UNION ALL ".join(parts) + " ORDER BY ALL"
    lake.engine.raw_sql(f"COPY ({query}) TO {sql_text(path)} (FORMAT parquet)")


def _all(tables: Iterable[ir.Table]) -> ir.Table:
    """Customers of any of the tables, each once."""
    return union_all(tables).distinct()


def _values(lake: Lake, base: Snapshot, tags: Sequence[Tag]) -> ir.Table:
    """Tags of a snapshot, from the files of all groups that hold some of them."""
    groups = dict.fromkeys(tag.group for tag in tags)
    found: ir.Table | None = None
    for group in groups:
        rows = lake.read(str(lake.home / base.files[group]["path"]), f"base_{group}")
        rows = rows.select("customer_id", *(tag.name for tag in tags if tag.group == group))
        found = rows if found is None else found.inner_join(rows, "customer_id")
    assert found is not None
    return found


def _aged(value: ir.Value, name: str, days: int) -> ir.Value:
    if name.startswith("days_since_"):
        return value + days
    return value - days if name.startswith("days_to_") else value


def _file(lake: Lake, table: str) -> str:
    """Write the checked table as SQL."""
    return f"read_parquet({sql_text(lake.checked(table))})"


def _end(lake: Lake, as_of: date) -> str:
    """Write the instant at which the date ends as SQL."""
    return instant_sql(cutoff(as_of, lake.settings.timezone))


def _digests(lake: Lake, contract: Contract, as_of: date) -> str:
    end, later = _end(lake, as_of), later_instants(contract)
    cells = [
        f'CASE WHEN "{name}" < {end} THEN "{name}" END' if name in later else f'"{name}"'
        for name in dict.fromkeys((*contract.columns, *later))
    ]
    return f"""
        SELECT {_bucket()} AS bucket, count(*) AS rows, bit_xor(hash({", ".join(cells)})) AS digest
        FROM {_file(lake, contract.name)}
        WHERE customer_id IS NOT NULL AND recorded_at < {end} GROUP BY 1
    """


def _bucket() -> str:
    return f"CAST(hash(customer_id) % {BUCKETS} AS INTEGER)"


def _touched(lake: Lake, contract: Contract, then: date, as_of: date, base: Snapshot) -> str:
    """Customers whose tags over a table can differ between the two dates, as SQL."""
    start, end = _end(lake, then), _end(lake, as_of)
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    instants = [*later_instants(contract), contract.event_time]
    moved = " OR ".join(f'("{name}" >= {start} AND "{name}" < {end})' for name in instants)
    crossed = _crossed(lake, contract, then, as_of)
    digests = sql_text(lake.home / base.digests["path"])
    # A row that was seen and is gone leaves no trace in its table, nor does a new customer.
    return f"""
        WITH now AS ({_digests(lake, contract, then)}),
        seen AS (
            SELECT bucket, rows, digest FROM read_parquet({digests})
            WHERE name = {sql_text(contract.name)} AND bucket IS NOT NULL
        ),
        late AS (
            SELECT bucket FROM now FULL JOIN seen USING (bucket)
            WHERE now.rows IS DISTINCT FROM seen.rows OR now.digest IS DISTINCT FROM seen.digest
        )
        SELECT DISTINCT customer_id FROM {_file(lake, contract.name)}
        WHERE customer_id IS NOT NULL AND recorded_at < {end} AND (
            recorded_at >= {start} OR {moved} OR {_bucket()} IN (SELECT bucket FROM late)
            OR ({known} AND ({crossed}))
        )
        UNION
        SELECT customer_id FROM {_file(lake, "customers")}
        WHERE {_bucket()} IN (SELECT bucket FROM late)
            OR (recorded_at >= {start} AND recorded_at < {end})
    """


def _crossed(lake: Lake, contract: Contract, then: date, as_of: date) -> str:
    """Whether a date of the row crossed a limit between the two dates, as SQL."""
    days = [name for name, type_ in contract.columns.items() if type_ == Day]
    dates = [*contract.civil_days, *days]
    step = (as_of - then).days
    if step == 0:
        return "false"
    horizons = (*HORIZONS, *load_claims_standards(lake.home).horizons)
    star = load_star_settings(lake.home)
    months = sorted({36, star.break_months, 12 * star.window_years})
    before, now = f"DATE '{then}'", f"DATE '{as_of}'"
    tests = []
    for name in dates:
        column = f'"{name}"'
        # An instant that lies ahead is not known yet, a day can be.
        limits = _limits(horizons, step, ahead=name in days)
        tests.append(f"date_diff('day', {column}, {now}) IN {_list(limits)}")
        for count in months:
            span = f"INTERVAL {count} MONTH"
            tests.append(f"({column} > {before} - {span} AND {column} <= {now} - {span})")
            tests.append(f"({column} + {span} >= {before} AND {column} + {span} < {now})")
    # Ages and inspections. A day that a shorter month lacks moves by up to three days.
    margin = 1 if then.day > 3 and as_of.day < 27 else 3
    near = [then + timedelta(n) for n in range(1 - margin, step + margin)]
    half_years = sorted({(day.month - 1) % 6 * 31 + one for day in near for one in _days(day)})
    for name in days if contract.name in ("customers", "vehicles") else ():
        of_half_year = f'(month("{name}") - 1) % 6 * 31 + day("{name}")'
        tests.append(f"{of_half_year} IN {_list(half_years)}")
    return " OR ".join(tests)


def _days(day: date) -> Iterable[int]:
    """The day of the month; of its last day, those too that it lacks: 29 February, 31 June."""
    last = (day + timedelta(1)).month != day.month
    return range(day.day, 32) if last else (day.day,)


def _limits(horizons: Iterable[int], step: int, ahead: bool) -> list[int]:
    """Distances from a date to `as_of` at which, within `step` days, some comparison turned."""
    turns = {turn for days in horizons for turn in (days, days + 1)}
    turns |= {turn for days in horizons for turn in (-days, 1 - days)} if ahead else set()
    return sorted({turn + later for turn in turns for later in range(step)})


def _list(numbers: Iterable[int]) -> str:
    return f"({', '.join(map(str, numbers))})"
