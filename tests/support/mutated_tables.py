"""Compare what tags read with what changes them: raw columns are mutated, one in each world.

A world is a copy of a small insurer in which cells of one raw column have other values. All worlds
lie side by side in one home, told apart by what their numbers (`customer_id`, `policy_id`, ...)
begin with, so that one run of the tags' own queries computes them all.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis.expr.datatypes as dt

from features.contracts.contract import Contract
from features.contracts.contract_sql import civil_columns
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.known_at import superseded_sql
from features.lake.spine import spine_of_customers
from features.progress import quiet
from features.settings import Settings
from features.snapshots.tag_queries import group_queries
from features.sql import quoted, sql_text
from features.tags.catalogue import groups
from features.tags.lineage import MERGES
from features.tags.relations.touchpoint_families import TOUCHPOINTS

Column = tuple[str, str]
NUMBERS = {contract.key for contract in CONTRACTS.values()}
"""Columns that name a row of a table: worlds have their own."""
UNCHANGED = 0
"""The world in which nothing is mutated."""
STEPS = "[-3650, -1200, -400, -100, -40, -15, -5, -1, 1, 5, 15, 40, 100, 400, 1200, 3650]"
"""Days by which days and instants are moved, in the order of the lots."""
FACTORS = "[0.0, 0.2, 0.5, 0.9, 1.0, 1.1, 2.0, 10.0]"
NAMED = {
    ("interactions", "touchpoint"): tuple(name for names in TOUCHPOINTS.values() for name in names),
    ("claims", "kind"): ("collision", "glass", "natural", "scratch", "theft"),
}
"""Values that tags ask for in columns of which the contract allows any."""
SCRAMBLED = 30
"""Cells in a hundred that are drawn anew in the unchanged world, of every second customer: a
simulated insurer lacks what tags also ask for, such as engines, refusals or two cars at once."""


@dataclass(frozen=True)
class World:
    """One mutated copy of the insurer.

    Attributes
    ----------
    number : int
        Its number, from 1.
    table, column : str
        The raw column whose cells are mutated.
    way : {"null", "other", "moved", "allowed", "fresh"}
        What a cell becomes: absent, the cell of another row, more or less or earlier or later, a
        value that the contract allows, a value that no row has.
    share : int
        Of how many rows in a hundred.
    seed : int
        Seed of the lots by which rows and values are drawn.
    """

    number: int
    table: str
    column: str
    way: str
    share: int
    seed: int


def raw_columns() -> list[Column]:
    """List all columns of raw tables, without those of merges (they are applied by the check)."""
    return [
        (table, column)
        for table, contract in CONTRACTS.items()
        if table != MERGES
        for column in contract.columns
    ]


def worlds(columns: Collection[Column], seed: int, rounds: int = 1) -> list[World]:
    """Plan the worlds for some raw columns: every way that suits each, for all rows and for few.

    Parameters
    ----------
    columns : collection of (str, str)
        Raw table and column.
    seed : int
        The same seed gives the same worlds.
    rounds : int
        How often each way is tried, with other lots.
    """
    planned: list[World] = []
    for table, column in columns:
        for way in _ways(CONTRACTS[table], column):
            for share in (100,) if way == "null" else (100, 25):
                for turn in range(rounds):
                    number = len(planned) + 1
                    planned.append(World(number, table, column, way, share, seed * 1000 + turn))
    return planned


def changed_tags(
    base: Lake, home: Path, planned: list[World], as_of: date, customers: int, seed: int = 0
) -> dict[Column, set[str]]:
    """Compute the tags of all worlds, and list the tags that differ from the unchanged world.

    Parameters
    ----------
    base : Lake
        A home with checked tables; it is only read.
    home : Path
        An empty folder for the worlds.
    planned : list of World
        The worlds.
    as_of : date
        The date of the tags.
    customers : int
        How many customers of the base each world has.
    seed : int
        Draws the cells of the unchanged world that differ from the base.

    Returns
    -------
    dict of (str, str) to set of str
        Raw column -> tags that a mutation of it changed for a customer. A customer who is no longer
        known, or is known of late, changes every tag.
    """
    lake = Lake(Settings(home=home, threads=base.settings.threads))
    _write_worlds(base, lake, planned, customers, seed)
    changed: dict[Column, set[str]] = {(world.table, world.column): set() for world in planned}
    with group_queries(lake, spine_of_customers(lake, [as_of]), quiet) as queries:
        for name, query in queries.items():
            lake.con.execute(f"CREATE TEMP TABLE computed AS {query}")
            for table, column, tag in _differences(lake, list(groups()[name].tags)):
                changed[table, column].add(tag)
            lake.con.execute("DROP TABLE computed")
    lake.con.close()
    return changed


def _differences(lake: Lake, tags: list[str]) -> Iterator[tuple[str, str, str]]:
    """Compare each world with the unchanged one, customer by customer."""
    flags = ", ".join(
        f"bool_or((c.customer_id IS NULL) <> (u.customer_id IS NULL)"
        f" OR c.{quoted(tag)} IS DISTINCT FROM u.{quoted(tag)}) AS {quoted(tag)}"
        for tag in tags
    )
    rows = lake.con.execute(
        "WITH numbered AS (SELECT *, CAST(split_part(customer_id, '-', 1) AS INTEGER) AS world,"
        " split_part(customer_id, '-', 2) AS customer FROM computed),"
        f" unchanged AS (SELECT * FROM numbered WHERE world = {UNCHANGED}),"
        " pairs AS (SELECT w.number, u.customer FROM worlds w, unchanged u UNION"
        f" SELECT world, customer FROM numbered WHERE world <> {UNCHANGED})"
        f" SELECT w.table_name, w.column_name, {flags} FROM pairs p"
        " JOIN worlds w ON w.number = p.number"
        " LEFT JOIN numbered c ON c.world = p.number AND c.customer = p.customer"
        " LEFT JOIN unchanged u ON u.customer = p.customer GROUP BY ALL"
    ).fetchall()
    for table, column, *differs in rows:
        for tag, is_different in zip(tags, differs, strict=True):
            if is_different:
                yield table, column, tag


def _write_worlds(base: Lake, lake: Lake, planned: list[World], customers: int, seed: int) -> None:
    """Write the checked tables of all worlds, and remember the worlds as a table."""
    lake.checked("customers").parent.mkdir(parents=True)
    lake.con.execute(
        "CREATE TABLE worlds (number INTEGER, table_name VARCHAR, column_name VARCHAR,"
        " way VARCHAR, share INTEGER, seed INTEGER)"
    )
    values = ", ".join(
        f"({w.number}, '{w.table}', '{w.column}', '{w.way}', {w.share}, {w.seed})" for w in planned
    )
    lake.con.execute(f"INSERT INTO worlds VALUES {values}")
    # Those with rows in most tables; two of them make one, so that more rows of each kind meet.
    mentions = " UNION ALL ".join(
        f"SELECT DISTINCT customer_id FROM read_parquet({sql_text(base.checked(name))})"
        for name in CONTRACTS
        if base.has(name)
    )
    lake.con.execute(
        "CREATE TABLE chosen AS SELECT customer_id, first(customer_id) OVER (PARTITION BY"
        " place // 2 ORDER BY place) AS owner FROM (SELECT customer_id, row_number() OVER"
        f" (ORDER BY count(*) DESC, hash(customer_id)) - 1 AS place FROM ({mentions})"
        f" GROUP BY customer_id) WHERE place < {2 * customers}"
    )
    for name, contract in CONTRACTS.items():
        if base.has(name) and name != MERGES:
            _write_table(base, lake, contract, seed)


def _write_table(base: Lake, lake: Lake, contract: Contract, seed: int) -> None:
    """Write one table: the unchanged rows of the chosen customers, once for each world."""
    names = ", ".join(
        "owner AS customer_id" if name == "customer_id" else quoted(name)
        for name in contract.columns
    )
    rows = (
        f"SELECT {names}, row_number() OVER (ORDER BY {quoted(contract.key)}, recorded_at) AS row"
        f" FROM read_parquet({sql_text(base.checked(contract.name))}) JOIN chosen"
        " USING (customer_id)" + " WHERE customer_id = owner" * (contract.name == "customers")
    )
    lake.con.execute(f"CREATE OR REPLACE TABLE base AS {rows}")
    scrambled = ", ".join(_scrambled(contract, column, seed) for column in contract.columns)
    lake.con.execute(f"CREATE OR REPLACE TABLE base AS SELECT {scrambled}, row FROM base b")
    cells = ", ".join(_cell(contract, column) for column in contract.columns)
    civil = ", ".join(part for part in (civil_columns(contract, lake.settings.timezone),) if part)
    rows = (
        f"SELECT {cells} FROM base b, (SELECT * FROM worlds UNION ALL"
        f" SELECT {UNCHANGED}, '', '', '', 0, 0) w"
    )
    columns = ", ".join(part for part in ("*", civil, superseded_sql(contract)) if part)
    lake.con.execute(
        f"COPY (SELECT {columns} FROM ({rows})) TO {sql_text(lake.checked(contract.name))}"
        " (FORMAT parquet)"
    )


def _scrambled(contract: Contract, column: str, seed: int) -> str:
    """Write the SQL of a cell of the unchanged world."""
    cell = f"b.{quoted(column)}"
    if column in NUMBERS or column == "recorded_at":
        return f"{cell} AS {quoted(column)}"
    lot = f"CAST(hash(b.row, '{contract.name}.{column}', {seed}) % 1000003 AS BIGINT)"
    ways = _ways(contract, column)
    drawn = "".join(
        f" WHEN {lot} // 100 % {len(ways)} = {place} THEN {_mutated(contract, column, way, lot)}"
        for place, way in enumerate(ways)
    )
    kept = f"hash(b.customer_id) % 2 = 0 OR {lot} % 100 >= {SCRAMBLED}"
    return f"CASE WHEN {kept} THEN {cell}{drawn} END AS {quoted(column)}"


def _cell(contract: Contract, column: str) -> str:
    """Write the SQL of a cell: mutated in its worlds, and numbers begin with their world's."""
    cell = f"b.{quoted(column)}"
    lot = f"CAST(hash({_unit(contract)}, w.seed, w.number) % 1000003 AS BIGINT)"
    ways = "".join(
        f" WHEN w.way = '{way}' THEN {_mutated(contract, column, way, lot)}"
        for way in _ways(contract, column)
    )
    drawn = f"hash({_unit(contract)}, w.seed) % 100 < w.share"
    mine = f"w.table_name = '{contract.name}' AND w.column_name = '{column}'"
    value = f"CASE WHEN NOT ({mine} AND {drawn}) THEN {cell}{ways} ELSE {cell} END"
    if column in NUMBERS:
        value = f"printf('%05d', w.number) || '-' || ({value})"
    return f"{value} AS {quoted(column)}"


def _unit(contract: Contract) -> str:
    """Write the SQL of what is drawn and changed alike: a row; in every second world, a vehicle."""
    if "vehicle_id" not in contract.columns:
        return "b.row"
    return "if(hash(w.number) % 2 = 0, b.vehicle_id, CAST(b.row AS VARCHAR))"


def _ways(contract: Contract, column: str) -> list[str]:
    """List the ways in which a column can be mutated and still be a cell of the contract."""
    declared, type_ = contract.declared[column], contract.columns[column]
    ways = ["other"]
    if declared.nullable:
        ways.append("null")
    if _values(contract, column):
        ways.append("allowed")
    elif isinstance(type_, dt.String):
        ways.append("fresh")
    else:
        ways.append("moved")
    return ways


def _values(contract: Contract, column: str) -> list[str]:
    """List the values of a column that has few, as SQL."""
    if isinstance(contract.columns[column], dt.Boolean):
        return ["true", "false"]
    named = contract.declared[column].allowed or NAMED.get((contract.name, column), ())
    return [sql_text(value) for value in named]


def _mutated(contract: Contract, column: str, way: str, lot: str) -> str:
    """Write the SQL of a mutated cell; `lot` is SQL of a number that draws the value."""
    cell = f"b.{quoted(column)}"
    if way == "null":
        return "NULL"
    if way == "other":
        cells = f"(SELECT list({quoted(column)} ORDER BY row) FROM base)"
        return f"coalesce({cells}[1 + {lot} % len({cells})], {cell})"
    if way == "allowed":
        values = _values(contract, column)
        return f"[{', '.join(values)}][1 + {lot} // 1000 % {len(values)}]"
    if way == "fresh":
        return f"'fresh' || ({lot} % 1000)"
    return _moved(contract, column, lot)


def _moved(contract: Contract, column: str, lot: str) -> str:
    """Write the SQL of a day, an instant or a number that is earlier or later, less or more."""
    declared, type_ = contract.declared[column], contract.columns[column]
    cell = f"b.{quoted(column)}"
    if isinstance(type_, dt.Date | dt.Timestamp):
        start = f"coalesce({cell}, b.{quoted(contract.event_time)})"
        moved = f"{start} + to_days(CAST({STEPS}[1 + {lot} % 16] AS INTEGER))"
        if isinstance(type_, dt.Timestamp):
            return f"{moved} + to_hours(CAST({lot} // 64 % 24 AS INTEGER) - 12)"
        return f"CAST({moved} AS DATE)"
    moved = f"coalesce({cell}, 1) * {FACTORS}[1 + {lot} % 8] + {lot} // 64 % 3 - 1"
    low, high = declared.between or (declared.at_least, None)
    moved = f"greatest({moved}, {low})" if low is not None else moved
    moved = f"least({moved}, {high})" if high is not None else moved
    return f"CAST({moved} AS {'BIGINT' if isinstance(type_, dt.Int64) else 'DECIMAL(14,2)'})"
