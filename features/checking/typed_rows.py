"""Give delivered cells the types of their contract, and find rows that were delivered twice."""

import ibis.expr.datatypes as dt

from features.checking.queries import ROW, SOURCE, TYPED, count
from features.contracts.contract import Contract
from features.contracts.contract_sql import sql_type
from features.contracts.rules import AS_DELIVERED, disagreement
from features.lake import Lake
from features.sql import quoted, sql_text

REPEATED = "check_repeated"
"""Rows that share key and `recorded_at`, each with its fault."""
CAST, FILLED = "check_cast", "check_filled"
"""Rows with the contract's types; the milestones of rows that were delivered twice."""
REPEATS = "the row repeats another row"


def type_rows(lake: Lake, contract: Contract, types: dict[str, str]) -> None:
    """Create the view TYPED and the table REPEATED over the rows of SOURCE.

    A milestone is filled in later: rows that share key and `recorded_at` and agree in all else are
    one row, and each milestone is the earliest instant that one of them names.

    Parameters
    ----------
    lake : Lake
        Whose engine holds SOURCE.
    contract : Contract
        The contract of the table.
    types : dict of str to str
        Columns of SOURCE with their types.
    """
    cast = _cast(contract, types)
    _view(lake, CAST, f"SELECT {', '.join(cast)} FROM {SOURCE} s")
    steady = ", ".join(quoted(name) for name in contract.columns if name not in contract.milestones)
    _mark_repeated(lake, contract, steady)
    rows = f"FROM {CAST}"
    if contract.milestones and count(lake, f"SELECT count(*) FROM {REPEATED}"):
        key = quoted(contract.key)
        filled = ", ".join(f"min({quoted(name)}) AS {quoted(name)}" for name in contract.milestones)
        lake.engine.raw_sql(
            f"CREATE OR REPLACE TEMP TABLE {FILLED} AS SELECT {key} AS k, recorded_at AS r,"
            f" {filled} FROM {CAST} GROUP BY ALL HAVING count(*) > 1"
        )
        earliest = ", ".join(
            f"coalesce(f.{quoted(name)}, c.{quoted(name)}) AS {quoted(name)}"
            for name in contract.milestones
        )
        rows = (
            f"SELECT c.* REPLACE ({earliest}) FROM {CAST} c LEFT JOIN {FILLED} f"
            f" ON c.{key} = f.k AND c.recorded_at = f.r"
        )
    _view(lake, TYPED, rows)


def drop_typed(lake: Lake) -> None:
    """Drop what `type_rows` created."""
    for view in (TYPED, CAST):
        lake.engine.raw_sql(f"DROP VIEW IF EXISTS {view}")
    for table in (REPEATED, FILLED):
        lake.engine.raw_sql(f"DROP TABLE IF EXISTS {table}")


def _view(lake: Lake, name: str, query: str) -> None:
    lake.engine.raw_sql(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")


def _cast(contract: Contract, types: dict[str, str]) -> list[str]:
    """List the columns of a typed row as SQL: the delivered cells, and those of the contract."""
    parts = [ROW, *(f"{quoted(name)} AS {quoted(AS_DELIVERED + name)}" for name in types)]
    for name, type_ in contract.columns.items():
        target = sql_type(type_)
        cell = f"s.{quoted(name)}" if name in types else "NULL"
        cast = f"TRY_CAST({cell} AS {target})"
        if isinstance(type_, dt.Integer) and types.get(name) != target:
            # DuckDB rounds 3.7 to 4; a count that is no whole number is a fault, not a four.
            cast = f"CASE WHEN TRY_CAST({cell} AS DOUBLE) = {cast} THEN {cast} END"
        if isinstance(type_, dt.Floating | dt.Date | dt.Timestamp):
            cast = f"CASE WHEN isfinite({cast}) THEN {cast} END"
        parts.append(f"{cast} AS {quoted(name)}")
    return parts


def _mark_repeated(lake: Lake, contract: Contract, steady: str) -> None:
    """Create the table REPEATED: rows that share key and `recorded_at`, each with its reason.

    Parameters
    ----------
    lake : Lake
        Whose engine holds CAST.
    contract : Contract
        The contract of the table.
    steady : str
        Columns in which they must agree.
    """
    key = quoted(contract.key)
    lake.engine.raw_sql(
        f"""
        CREATE OR REPLACE TEMP TABLE {REPEATED} AS
        WITH shared AS (
            SELECT {key} AS k, recorded_at AS r FROM {CAST}
            WHERE k IS NOT NULL AND r IS NOT NULL GROUP BY ALL HAVING count(*) > 1
        ), numbered AS (
            SELECT {ROW}, {key} AS k, recorded_at AS r,
                row_number() OVER (PARTITION BY {steady} ORDER BY {ROW}) AS n,
                row({steady})::VARCHAR AS content
            FROM {CAST} SEMI JOIN shared ON {key} = k AND recorded_at = r
        ), compared AS (
            SELECT *, min(content) OVER w <> max(content) OVER w AS disagree
            FROM numbered WINDOW w AS (PARTITION BY k, r)
        )
        SELECT {ROW} AS repeated_row,
            CASE WHEN disagree THEN {sql_text(disagreement(contract))}
                ELSE {sql_text(REPEATS)} END AS fault
        FROM compared WHERE disagree OR n > 1
        """
    )
