"""Run the queries of a check, and name the relations that they share."""

from collections.abc import Mapping
from pathlib import Path

from features.lake import Lake
from features.sql import sql_text

SOURCE, TYPED = "check_source", "check_typed"
"""The delivered rows; the same rows with cells of the contract's types."""
BROKEN = "check_broken"
"""The rows that are held back, with their reasons."""
ODD, KNOWN = "check_odd", "check_known"
"""Rows that break a rule or lose a cell, with the sentences; the customers that are known."""
ROW = "_row"
"""Column that identifies a row during the check."""
LINE_FAULT = "_line_fault"
"""Column that says what is wrong with the line of a CSV file."""
Counts = dict[str, tuple[int, str]]
"""Sentence -> number of rows of which it speaks, and the identity of the first of them."""
ROW_GROUP = 20_480
"""Rows of a Parquet row group: small, so that the rows of one customer are read fast."""


def copy_rows(lake: Lake, query: str, path: Path, more: str = "") -> None:
    """Write the rows of a query to a Parquet file.

    Parameters
    ----------
    lake : Lake
        Whose engine runs the query.
    query : str
        The rows.
    path : Path
        The file.
    more : str
        Further options of the copy, after a comma.
    """
    lake.engine.raw_sql(
        f"COPY ({query}) TO {sql_text(path)} (FORMAT parquet, COMPRESSION zstd, "
        f"ROW_GROUP_SIZE {ROW_GROUP}{more})"
    )


def fetch(lake: Lake, query: str) -> list[tuple[object, ...]]:
    """Run a query and return its rows."""
    rows: list[tuple[object, ...]] = lake.engine.raw_sql(query).fetchall()
    return rows


def count(lake: Lake, query: str) -> int:
    """Run a query whose one cell is a number."""
    (row,) = fetch(lake, query)
    return int(str(row[0]))


def count_where(lake: Lake, rows: str, tests: Mapping[str, str]) -> Counts:
    """Count the rows of which a sentence is true, all sentences in one pass.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the rows.
    rows : str
        A relation with the column ROW, or a query in brackets.
    tests : mapping of str to str
        Sentence -> condition in SQL.

    Returns
    -------
    Counts
        Those of the sentences that are true of some row.
    """
    if not tests:
        return {}
    counted = ", ".join(
        f"count(*) FILTER ({test}), min({ROW}) FILTER ({test})" for test in tests.values()
    )
    (cells,) = fetch(lake, f"SELECT {counted} FROM {rows}")
    pairs = zip(tests, zip(cells[::2], cells[1::2], strict=True), strict=True)
    return {
        sentence: (int(str(number)), str(first)) for sentence, (number, first) in pairs if number
    }


def described(lake: Lake, query: str) -> dict[str, str]:
    """List the columns of a query with their types, without those of the check itself."""
    described = fetch(lake, f"DESCRIBE {query}")
    ours = (ROW, LINE_FAULT)
    return {str(name): str(type_) for name, type_, *_ in described if name not in ours}
