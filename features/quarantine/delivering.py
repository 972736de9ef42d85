"""Write corrected rows as one more file of their raw table, in the form of the files there."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import ibis.expr.datatypes as dt

from features.checking.csv_lines import read_heading
from features.contracts.contract import Contract
from features.contracts.contract_sql import sql_type
from features.errors import GuanjiaError
from features.lake import Lake
from features.publishing import published
from features.sql import instant_sql, quoted, sql_text


def write_raw(
    lake: Lake, contract: Contract, delivered: datetime, name: str, stack: ExitStack
) -> str | None:
    """Write the good rows of `ready_<table>` to a file of the raw table.

    They are known from their delivery on, and never before their event. The file has the form of
    the others of the table (CSV, or Parquet with their types), so that they are read together.

    Parameters
    ----------
    lake : Lake
        Whose engine holds `ready_<table>`.
    contract : Contract
        Of the table.
    delivered : datetime
        When the rows were delivered.
    name : str
        The file's name without its ending.
    stack : ExitStack
        Gets the draft; the file is published when it closes.

    Returns
    -------
    str or None
        The file's name; None: there is no good row.

    Raises
    ------
    GuanjiaError
        If a value does not fit the type that the column has in the files there.
    """
    ready = f"ready_{contract.name} WHERE len(_reasons) = 0"
    (rows,) = lake.con.execute(f"SELECT count(*) FROM {ready}").fetchone() or (0,)
    if not rows:
        return None
    folder = lake.raw(contract.name)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    texts = [file for file in files if file.suffix.lower() == ".csv" and file.name[0] not in ".~"]
    types = _text_types(texts, contract) if texts else _types(lake, files)
    event = quoted(contract.event_time)
    known = f"greatest({instant_sql(delivered)}, {event})"
    columns, suffix = [], ".csv" if texts else ".parquet"
    for column, type_ in contract.columns.items():
        value = known if column == "recorded_at" else quoted(column)
        if column not in types and types and column != "recorded_at":
            (filled,) = lake.con.execute(f"SELECT count({value}) FROM {ready}").fetchone() or (0,)
            if not filled:
                continue  # the other files have no such column
        cell = _as(value, type_, types.get(column, "VARCHAR" if texts else ""), lake)
        columns.append(f"{cell} AS {quoted(column)}")
        _refuse_loss(lake, contract, column, value, cell, ready)
    draft = stack.enter_context(published(folder / f"{name}{suffix}"))
    form = "FORMAT csv, HEADER" if texts else "FORMAT parquet, COMPRESSION zstd"
    lake.con.execute(
        f"COPY (SELECT {', '.join(columns)} FROM {ready} ORDER BY _line)"
        f" TO {sql_text(draft)} ({form})"
    )
    return f"{name}{suffix}"


def _text_types(files: list[Path], contract: Contract) -> dict[str, str]:
    """Return the columns of CSV files, all of them texts."""
    return {name: "VARCHAR" for file in files for name in read_heading(file, contract)}


def _types(lake: Lake, files: list[Path]) -> dict[str, str]:
    """Return the columns of the Parquet files of a table with their types."""
    paths = [file for file in files if file.suffix.lower() == ".parquet" and file.name[0] != "."]
    if not paths:
        return {}
    listed = ", ".join(map(sql_text, paths))
    described = lake.con.execute(
        f"DESCRIBE FROM read_parquet([{listed}], union_by_name=true)"
    ).fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def _as(value: str, type_: dt.DataType, stored: str, lake: Lake) -> str:
    """Write a value as SQL in the type that its column has in the other files."""
    if stored in ("", sql_type(type_)):
        return value
    instant = isinstance(type_, dt.Timestamp)
    if stored == "VARCHAR":
        utc = f"{value} AT TIME ZONE 'UTC'"
        return (
            f"strftime({utc}, '%Y-%m-%dT%H:%M:%S.%fZ')" if instant else f"CAST({value} AS VARCHAR)"
        )
    if instant:
        # A time without a zone is one of the insurer's clocks.
        value = f"({value} AT TIME ZONE {sql_text(lake.settings.timezone)})"
    return f"TRY_CAST({value} AS {stored})"


def _refuse_loss(
    lake: Lake, contract: Contract, column: str, value: str, cell: str, ready: str
) -> None:
    if "TRY_CAST" not in cell:
        return
    lost = lake.con.execute(
        f"SELECT CAST({value} AS VARCHAR) FROM {ready} AND {value} IS NOT NULL AND {cell} IS NULL"
        " LIMIT 1"
    ).fetchone()
    if lost:
        raise GuanjiaError(
            f"table {contract.name}, column {column}",
            f"has another type in the files of raw/{contract.name}/, which cannot hold a corrected"
            " cell",
            "deliver the column there with the type of docs/raw-tables.md",
        )
