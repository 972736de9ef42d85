"""Find, in SQL, the customers whose tags over a raw table can differ between two dates.

The rules are those of `features.snapshots.incremental`. *Digests* show what was delivered late:
hashes of the rows that a snapshot saw, one for each table and bucket of customers.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from features.contracts.contract import Contract, Day
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.known import HORIZONS
from features.lake.known_at import known_sql, later_instants
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from features.stars.settings import load_star_settings
from features.tags.relations.claims_standards import load_claims_standards

BUCKETS = 1024


def write_digests(lake: Lake, as_of: date, path: Path) -> None:
    """Write hashes of what was recorded by the end of a date, by raw table and bucket of customers.

    Superseded versions count: a refund compares the first one with the present one. A row without
    a bucket says that the table was there.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    as_of : date
        Rows recorded up to its end count.
    path : Path
        The Parquet file to write (name, bucket, rows, digest).
    """
    parts = [
        f"SELECT {sql_text(name)} AS name, * FROM ({_digests(lake, CONTRACTS[name], as_of)}"
        " UNION ALL SELECT NULL, 0, 0)"
        for name in CONTRACTS
        if lake.has(name)
    ]
    query = " UNION ALL ".join(parts) + " ORDER BY ALL"
    lake.engine.raw_sql(f"COPY ({query}) TO {sql_text(path)} (FORMAT parquet)")


def stale_customers(lake: Lake, contract: Contract, then: date, as_of: date, seen: Path) -> str:
    """Write the query that selects customers whose tags over a table can differ.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    contract : Contract
        Of the raw table.
    then, as_of : date
        The earlier date and the new one.
    seen : Path
        Digests of the earlier snapshot, as `write_digests` wrote them.

    Returns
    -------
    str
        SQL with one column `customer_id`.
    """
    start, end = _end(lake, then), _end(lake, as_of)
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    instants = [*later_instants(contract), contract.event_time]
    moved = " OR ".join(f'("{name}" >= {start} AND "{name}" < {end})' for name in instants)
    crossed = _crossed_horizon(lake, contract, then, as_of)
    # A row that was seen and is gone leaves no trace in its table, nor does a new customer.
    return f"""
        WITH now AS ({_digests(lake, contract, then)}),
        seen AS (
            SELECT bucket, rows, digest FROM read_parquet({sql_text(seen)})
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


def _crossed_horizon(lake: Lake, contract: Contract, then: date, as_of: date) -> str:
    """Test, in SQL, whether a date of the row crossed a limit between the two dates."""
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
    nearby = [then + timedelta(n) for n in range(1 - margin, step + margin)]
    half_years = sorted(
        {(day.month - 1) % 6 * 31 + number for day in nearby for number in _days(day)}
    )
    for name in days if contract.name in ("customers", "vehicles") else ():
        of_half_year = f'(month("{name}") - 1) % 6 * 31 + day("{name}")'
        tests.append(f"{of_half_year} IN {_list(half_years)}")
    return " OR ".join(tests)


def _days(day: date) -> Iterable[int]:
    """Number the day of its month; the last day of a month stands for the days it lacks too."""
    last = (day + timedelta(1)).month != day.month
    return range(day.day, 32) if last else (day.day,)


def _limits(horizons: Iterable[int], step: int, ahead: bool) -> list[int]:
    """List the distances to `as_of`, in days, at which a comparison turned within `step` days."""
    turns = {turn for days in horizons for turn in (days, days + 1)}
    turns |= {turn for days in horizons for turn in (-days, 1 - days)} if ahead else set()
    return sorted({turn + later for turn in turns for later in range(step)})


def _list(numbers: Iterable[int]) -> str:
    return f"({', '.join(map(str, numbers))})"
