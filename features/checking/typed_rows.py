"""Give delivered cells the types of their contract, and find rows that were delivered twice."""

import ibis.expr.datatypes as dt

from features.checking.cells import TEXT, is_id, read_cell, read_text, suspect_text
from features.checking.queries import (
    LINE_FAULT,
    ROW,
    SOURCE,
    TYPED,
    Counts,
    count,
    count_where,
    fetch,
)
from features.contracts.contract import Contract
from features.contracts.contract_sql import sql_type
from features.contracts.rules import AS_DELIVERED, disagreement
from features.lake import Lake
from features.sql import quoted, sql_text

REPEATED = "check_repeated"
"""Rows that share key and `recorded_at`, each with its fault; null: the one that counts."""
CAST, FILLED, SHARED = "check_cast", "check_filled", "check_shared"
"""Rows with the contract's types; the milestones of rows that were delivered twice; their keys."""
CAST_ROWS = "check_cast_rows"
"""The rows of CAST where they are few."""
FEW = 10_000
"""Rows that are cast once for all queries: planning the casts anew takes longer than they do. Of
more rows, each query casts the cells that it reads."""
VERSIONED = "check_versioned"
"""Keys of more than one row: versions of one thing, and rows that were delivered twice."""
REPEATS = "the row repeats another row"


def type_rows(lake: Lake, contract: Contract, types: dict[str, str]) -> Counts:
    """Create the view TYPED and the table REPEATED over the rows of SOURCE.

    Rows that share key and `recorded_at` leave one. If they agree in all but milestones, they are
    one row: each milestone is filled in later, and is the earliest instant that one of them names.
    If they disagree, the one that was delivered last counts: of the last file by name, the last.
    TYPED holds each row once; those that disagree stay in it, to be held back.

    Parameters
    ----------
    lake : Lake
        Whose engine holds SOURCE.
    contract : Contract
        The contract of the table.
    types : dict of str to str
        Columns of SOURCE with their types.

    Returns
    -------
    Counts
        Sentence about cells that are read otherwise than they were delivered -> rows.
    """
    suspect = _suspect_columns(lake, contract, types)
    cast = _cast(lake, contract, types, suspect)
    rows = f"SELECT {', '.join(cast)} FROM {SOURCE} s"
    if count(lake, f"SELECT count(*) FROM {SOURCE}") <= FEW:
        lake.engine.raw_sql(f"CREATE OR REPLACE TEMP TABLE {CAST_ROWS} AS {rows}")
        rows = f"FROM {CAST_ROWS}"
    _view(lake, CAST, rows)
    _mark_repeated(lake, contract)
    _view(lake, TYPED, _each_once(lake, contract))
    return _changed_cells(lake, contract, suspect, types)


def count_repeats(lake: Lake) -> int:
    """Count the rows that say nothing but what another row says; they are dropped."""
    return count(lake, f"SELECT count(*) FROM {REPEATED} WHERE fault = {sql_text(REPEATS)}")


def has_versions(lake: Lake) -> bool:
    """Check whether two delivered rows share a key."""
    return count(lake, f"SELECT count(*) FROM {VERSIONED}") > 0


def drop_typed(lake: Lake) -> None:
    """Drop what `type_rows` created."""
    for view in (TYPED, CAST):
        lake.engine.raw_sql(f"DROP VIEW IF EXISTS {view}")
    for table in (CAST_ROWS, REPEATED, FILLED, SHARED, VERSIONED):
        lake.engine.raw_sql(f"DROP TABLE IF EXISTS {table}")


def _view(lake: Lake, name: str, query: str) -> None:
    lake.engine.raw_sql(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")


def _cast(
    lake: Lake, contract: Contract, types: dict[str, str], suspect: dict[str, bool]
) -> list[str]:
    """List the columns of a typed row as SQL: the delivered cells, and those of the contract."""
    parts = [ROW, LINE_FAULT]
    parts += [f"{quoted(name)} AS {quoted(AS_DELIVERED + name)}" for name in types]
    for name, type_ in contract.columns.items():
        cell = f"s.{quoted(name)}"
        if name not in types:
            value = f"CAST(NULL AS {sql_type(type_)})"
        elif name in suspect:
            value = read_text(cell, as_id=suspect[name])
        else:
            value = read_cell(cell, type_, types[name], lake.settings.timezone)
        parts.append(f"{value} AS {quoted(name)}")
    return parts


def _suspect_columns(lake: Lake, contract: Contract, types: dict[str, str]) -> dict[str, bool]:
    """List the text columns with cells that may need cleaning -> whether the column holds ids.

    Cleaning costs more than all other casts, and rows of a core system rarely need it.
    """
    texts = {
        name: is_id(name, personal=contract.declared[name].personal)
        for name, type_ in contract.columns.items()
        if isinstance(type_, dt.String) and types.get(name) == TEXT
    }
    if not texts:
        return {}
    tests = ", ".join(
        f"coalesce(bool_or({suspect_text(quoted(name), as_id=as_id)}), false)"
        for name, as_id in texts.items()
    )
    (verdicts,) = fetch(lake, f"SELECT {tests} FROM {SOURCE}")
    return {name: texts[name] for name, verdict in zip(texts, verdicts, strict=True) if verdict}


def _changed_cells(
    lake: Lake, contract: Contract, suspect: dict[str, bool], types: dict[str, str]
) -> Counts:
    """Count the rows with cells that are read otherwise than they were delivered, by sentence."""
    tests = {
        f"{name} is read without blanks, invisible and full-width characters": (
            f"{quoted(name)} <> {quoted(AS_DELIVERED + name)}"
        )
        for name in suspect
    }
    for name, type_ in contract.columns.items():
        if isinstance(type_, dt.Decimal) and types.get(name) in (TEXT, "DOUBLE", "FLOAT"):
            delivered = f"TRY_CAST({quoted(AS_DELIVERED + name)} AS DOUBLE)"
            tests[f"{name} is rounded to {type_.scale} decimals"] = (
                f"abs({delivered} - {quoted(name)}) > 1e-6 * greatest(1, abs({delivered}))"
            )
    return count_where(lake, TYPED, tests)


def _each_once(lake: Lake, contract: Contract) -> str:
    """Write the query of the typed rows without repeats, with the milestones that repeats name."""
    if not count(lake, f"SELECT count(*) FROM {REPEATED}"):
        return f"FROM {CAST}"
    once = (
        f"FROM {CAST} c ANTI JOIN (SELECT repeated_row FROM {REPEATED}"
        f" WHERE fault = {sql_text(REPEATS)}) ON c.{ROW} = repeated_row"
    )
    if not contract.milestones:
        return once
    filled = ", ".join(f"min(c.{quoted(name)}) AS {quoted(name)}" for name in contract.milestones)
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {FILLED} AS SELECT first_row, {filled}"
        f" FROM {CAST} c JOIN {REPEATED} ON c.{ROW} = repeated_row"
        " GROUP BY first_row HAVING count(*) > 1"
    )
    earliest = ", ".join(
        f"coalesce(f.{quoted(name)}, c.{quoted(name)}) AS {quoted(name)}"
        for name in contract.milestones
    )
    return (
        f"SELECT c.* REPLACE ({earliest}) FROM ({once}) c"
        f" LEFT JOIN {FILLED} f ON c.{ROW} = f.first_row"
    )


def _mark_repeated(lake: Lake, contract: Contract) -> None:
    """Create the table REPEATED: rows that share key and `recorded_at`, each with its fault.

    `first_row` is the first of the rows that agree with it in all but milestones.
    """
    key = quoted(contract.key)
    steady = ", ".join(quoted(name) for name in contract.columns if name not in contract.milestones)
    needed = [name for name, declared in contract.declared.items() if not declared.nullable]
    complete = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in needed)
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {VERSIONED} AS SELECT {key} AS k FROM {CAST}"
        " WHERE k IS NOT NULL GROUP BY ALL HAVING count(*) > 1"
    )
    shared = has_versions(lake)
    if shared:
        lake.engine.raw_sql(
            f"CREATE OR REPLACE TEMP TABLE {SHARED} AS SELECT k, recorded_at AS r FROM {CAST}"
            f" JOIN {VERSIONED} ON {key} = k WHERE r IS NOT NULL AND {LINE_FAULT} IS NULL"
            " GROUP BY ALL HAVING count(*) > 1"
        )
    if not shared or not count(lake, f"SELECT count(*) FROM {SHARED}"):
        # So it is nearly always, and the query below reads every column of every row.
        lake.engine.raw_sql(
            f"CREATE OR REPLACE TEMP TABLE {REPEATED}"
            " (repeated_row VARCHAR, first_row VARCHAR, fault VARCHAR)"
        )
        return
    lake.engine.raw_sql(
        rf"""
        CREATE OR REPLACE TEMP TABLE {REPEATED} AS
        WITH numbered AS (
            SELECT *, {complete} AS complete, regexp_extract({ROW}, '^(.*):\d+$', 1) AS file,
                CAST(regexp_extract({ROW}, '\d+$') AS BIGINT) AS number
            FROM {CAST} SEMI JOIN {SHARED} ON {key} = k AND recorded_at = r
            WHERE {LINE_FAULT} IS NULL
        ), compared AS (
            SELECT {ROW} AS repeated_row,
                first_value({ROW}) OVER (PARTITION BY {steady} ORDER BY file, number) AS first_row,
                last_value({ROW}) OVER (
                    PARTITION BY {key}, recorded_at ORDER BY complete, file, number
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ) AS last_row
            FROM numbered
        )
        SELECT c.repeated_row, c.first_row,
            CASE WHEN c.first_row <> l.first_row THEN {sql_text(disagreement(contract))}
                WHEN c.repeated_row <> c.first_row THEN {sql_text(REPEATS)} END AS fault
        FROM compared c JOIN compared l ON c.last_row = l.repeated_row
        """
    )
