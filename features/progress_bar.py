"""Keep DuckDB from drawing its progress bar into what a command prints."""

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def hide_progress_bar(con: "duckdb.DuckDBPyConnection") -> None:
    """Keep a connection from drawing its bar.

    Where there is no script (`python -c`) DuckDB draws it on stdout, amid JSON, once a query takes
    two seconds.
    """
    import duckdb

    # In a notebook without ipywidgets DuckDB can draw none, and refuses to say so.
    with suppress(duckdb.InvalidInputException):
        con.execute("SET enable_progress_bar = false")
