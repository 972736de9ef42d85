"""Find, in SQL, the customers whose tags over a raw table can differ between two dates.

The rules are those of `features.snapshots.incremental`. *Digests* show what was delivered late:
hashes of the rows that a snapshot saw, one for each table and bucket of customers.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.checked_tables import checked_rows
from features.lake.known_at import known_sql, later_instants
from features.settings import cutoff
from features.snapshots.passed import passed_turns
from features.sql import instant_sql, quoted, sql_text
from features.tags.moving import Turns
from features.tags.relations.relations import RELATIONS

BUCKETS = 16_384


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


def stale_customers(
    lake: Lake,
    contract: Contract,
    then: date,
    as_of: date,
    seen: Path,
    turns: Mapping[str, Turns],
) -> str:
    """Write the query that selects customers whose tags can differ because of one table.

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
    turns : mapping of str to set of Turn
        By relation, what its tags compare dates with (`features.tags.turns`).

    Returns
    -------
    str
        SQL with `customer_id`, and for each relation a column of its name: whether its tags can
        differ. A customer may come more than once.
    """
    start, end = _end(lake, then), _end(lake, as_of)
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    instants = [*later_instants(contract), contract.event_time]
    moved = " OR ".join(f'("{name}" >= {start} AND "{name}" < {end})' for name in instants)
    readers = [name for name in turns if contract.name in RELATIONS[name].reads]
    passed = {
        name: passed_turns(lake, [turn for turn in turns[name] if turn.table == contract.name],
                           then, as_of)
        for name in readers
    }  # fmt: skip
    flags = ", ".join(
        f"moved OR ({known} AND ({passed[name]})) AS {quoted(name)}"
        if name in readers
        else f"false AS {quoted(name)}"
        for name in turns
    )
    any_flag = " OR ".join(map(quoted, readers)) or "false"
    every = ", ".join(f"true AS {quoted(name)}" for name in turns)
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
        ),
        marked AS (
            SELECT *, recorded_at >= {start} OR coalesce({moved}, false) AS moved
            FROM {_file(lake, contract.name)}
            WHERE customer_id IS NOT NULL AND recorded_at < {end}
        )
        SELECT * FROM (SELECT customer_id, {flags} FROM marked) WHERE {any_flag}
        UNION ALL
        SELECT customer_id, {every} FROM {_file(lake, "customers")}
        WHERE {_bucket()} IN (SELECT bucket FROM late)
            OR (recorded_at >= {start} AND recorded_at < {end})
        UNION ALL
        SELECT customer_id, {every} FROM {_file(lake, contract.name)}
        WHERE customer_id IS NOT NULL AND {_bucket()} IN (SELECT bucket FROM late)
    """


def _file(lake: Lake, table: str) -> str:
    """Write the checked table as SQL."""
    return f"({checked_rows(lake.con, table, lake.checked(table))})"


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
