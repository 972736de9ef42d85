"""Know of checked tables whether they are of one check, and which columns they lack.

A check replaces the files of all tables one by one, because the service reads them meanwhile. A
mark lies beside them from the first to the last.

A column that a later release adds is null in rows that were checked before, which means what it
always meant: a consent without a channel is to every channel. So a home goes on before its next
check.
"""

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import GuanjiaError
from features.sql import quoted, sql_text

if TYPE_CHECKING:
    # Commands that need only paths do not wait for the engine.
    import duckdb

LATER_COLUMNS = {"consents": {"channel": "VARCHAR"}}
"""Table -> columns that its contract got after a release, with their types in SQL."""


def check_lock(home: Path) -> Path:
    """Return the file that a running check holds locked."""
    return home / ".check.lock"


def unfinished_check(home: Path) -> Path:
    """Return the file that is there while a check replaces those of `checked/`, `quarantine/`."""
    return home / "checked" / ".unfinished"


def refuse_cut_off_check(home: Path, table: str) -> None:
    """Refuse a table of a check that was cut off; wait for one that is publishing its tables.

    Raises
    ------
    GuanjiaError
        If the tables may be of different checks.
    """
    if not unfinished_check(home).exists():
        return
    with check_lock(home).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    if unfinished_check(home).exists():
        raise GuanjiaError(
            f"table {table}",
            "may be of another check than the other tables: the last one was cut off",
            "run `guanjia check` again",
        )


def checked_rows(con: "duckdb.DuckDBPyConnection", table: str, path: Path | str) -> str:
    """Write the query of a table's checked rows, with later columns as null where they are absent.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        A connection, to read which columns the file has.
    table : str
        Name of the raw table.
    path : Path or str
        The Parquet file with its checked rows; where there is none, the query fails.
    """
    file = sql_text(path)
    later = LATER_COLUMNS.get(table, {})
    if later and Path(path).exists():
        names = con.execute(f"SELECT name FROM parquet_schema({file})").fetchall()
        later = {name: kind for name, kind in later.items() if (name,) not in names}
    nulls = "".join(f", NULL::{kind} AS {quoted(name)}" for name, kind in later.items())
    return f"SELECT *{nulls} FROM read_parquet({file})"
