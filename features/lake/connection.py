"""Name the files of a home, and open the engine that reads them.

<home>/raw/<table>/*.parquet|*.csv      rows as the insurer delivers them
<home>/events.db                        events of the day (features.events.inbox)
<home>/source.json                      the source that wrote raw/, if it was one of ours
<home>/truth/*.parquet                  truth behind the simulation; no tag or model reads it
<home>/checked/<table>.parquet          good rows, with `superseded_at`
<home>/check.json                       files that the last check read, with hashes; rows by table
<home>/quarantine/<table>.parquet       bad rows, with the reasons
<home>/tags/<group>/as_of=<D>.parquet   tags of one date; history-<name>.parquet: of many dates
<home>/snapshots/<D>.json               manifest of a snapshot: files, hashes, snapshot id
<home>/compiled/<code>/*.sql            SQL of the tags, as this code writes it
<home>/segments/as_of=<D>.parquet       segments of each customer, one row a customer
<home>/clusters/as_of=<D>.parquet       learned cluster of each customer, one row a customer
<home>/scores/as_of=<D>.parquet         predictions, one row a customer
<home>/reports/<model>/<version>/       report, model card and tables of a trained model
<home>/effects/<treatment>/             effect of a contact or an offer on renewals: text and JSON
<home>/quality/as_of=<D>.json|parquet   statistics of the tags of one date, and broken bounds
<home>/extensions/*.py                  tags, models and lists of one's own
<home>/monitoring/as_of=<D>.json        champions compared with later outcomes, and what to do
<home>/published/<generation>/          checked, tags, scores, ... of a published day
<home>/published.json                   the pointer: which of them is visible
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from features.errors import GuanjiaError, did_you_mean
from features.lake.checked_tables import checked_rows, refuse_cut_off_check
from features.lake.pointer import PublishedDay, read_pointer
from features.progress_bar import hide_progress_bar
from features.settings import Settings
from features.sql import instant_sql, sql_text

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

Moments: TypeAlias = "tuple[tuple[ir.Value, ir.Value], ...]"
"""As-of dates with their cutoffs, as expressions."""
Opener: TypeAlias = "Callable[[], ir.Table]"
"""Opens a table of the engine for expressions."""

BATCH = 100_000
"""Rows of an Arrow batch, at most."""


class Lake:
    """The files of one installation and the engine that reads them.

    Creating a lake imports no engine, so code that needs only paths starts at once. `con` imports
    DuckDB, for queries in SQL; only `engine` imports Ibis as well.

    Parameters
    ----------
    settings : Settings
        `home` is the folder of the files; `threads` and `memory_limit` bound DuckDB.
    day : PublishedDay, optional
        The published day to read; default: the working area, which the steps of a day write.

    Attributes
    ----------
    home : Path
        The folder of settings, raw tables, models, keys and records.
    """

    name = "duckdb"
    """The engine that computes tags."""

    def __init__(self, settings: Settings, day: PublishedDay | None = None) -> None:
        self.settings = settings
        self.home = settings.home
        self._day = day
        self._con: duckdb.DuckDBPyConnection | None = None
        self._engine: Backend | None = None
        self._customers: tuple[str, str | None] = ("", None)
        self._kept = 0

    @property
    def con(self) -> "duckdb.DuckDBPyConnection":
        """The DuckDB connection, opened at first use; sessions run in UTC."""
        if self._con is None:
            import duckdb

            spill = self.home / "tmp"
            spill.mkdir(parents=True, exist_ok=True)
            self._con = duckdb.connect(
                config={
                    "threads": self.settings.threads,
                    "memory_limit": self.settings.memory_limit,
                    "temp_directory": str(spill),
                    "preserve_insertion_order": False,
                }
            )
            self._con.execute("SET TimeZone = 'UTC'")
            # No variable of Python is ever meant by the name of a table.
            self._con.execute("SET python_enable_replacements = false")
            hide_progress_bar(self._con)
        return self._con

    def close(self) -> None:
        """Close the connection, if it was ever opened; a later use opens another one."""
        if self._con is not None:
            self._con.close()
        self._con = self._engine = None

    @property
    def engine(self) -> "Backend":
        """The Ibis backend over `con`."""
        if self._engine is None:
            import ibis

            # DuckDB plans nested selects as well as merged ones, and merging takes Ibis longer.
            ibis.options.sql.fuse_selects = False
            self._engine = ibis.duckdb.from_connection(self.con)
        return self._engine

    @property
    def day(self) -> PublishedDay | None:
        """The published day it reads; None: the working area."""
        return self._day

    @property
    def data(self) -> Path:
        """The folder of all that is computed of a day: the home, or the day's publication."""
        day = self.day
        return self.home if day is None else day.folder(self.home)

    @contextmanager
    def live(self) -> "Iterator[Lake]":
        """Hold the day that is published now inside the block; a lake of one day has its own."""
        yield self

    @contextmanager
    def one_day(self) -> Iterator[None]:
        """Keep to one published day inside the block, as a lake of one day always does."""
        yield

    @property
    def slot(self) -> str:
        """The slot of the online rows: of the lake's day, else of the day that is published now.

        An empty text where nothing was ever published.
        """
        day = self.day or read_pointer(self.home)
        return "" if day is None else day.slot

    def raw(self, table: str) -> Path:
        """Return the folder of a raw table's files."""
        return self.home / "raw" / table

    def checked(self, table: str) -> Path:
        """Return the file of a table's good rows."""
        return self.data / "checked" / f"{table}.parquet"

    def quarantine(self, table: str) -> Path:
        """Return the file of a table's bad rows."""
        return self.home / "quarantine" / f"{table}.parquet"

    def truth(self, name: str) -> Path:
        """Return a file of the simulation's truth; only evaluation and tests may read it."""
        return self.home / "truth" / f"{name}.parquet"

    def tags(self, group: str) -> Path:
        """Return the folder of a tag group's files."""
        return self.data / "tags" / group

    @property
    def inbox(self) -> Path:
        """File of the events received."""
        return self.home / "events.db"

    def has(self, table: str) -> bool:
        """Check whether a table has checked rows."""
        return self.checked(table).exists()

    def require(self, table: str) -> Path:
        """Return the file of a table's good rows, which must exist; thread-safe.

        Raises
        ------
        GuanjiaError
            If the table is not declared, has not been checked, or was checked in another time zone;
            or if the last check was cut off while it published its tables.
        """
        if not self.has(table):
            # Contracts are written in Ibis, and a command would wait for it.
            from features.contracts.tables import CONTRACTS

            if table not in CONTRACTS:
                cure = did_you_mean(table, CONTRACTS)
                raise GuanjiaError(f"table {table}", "is not declared", cure)
            raise GuanjiaError(
                f"table {table}", "has no checked rows", "load raw tables and run `guanjia check`"
            )
        if self.day is None:
            refuse_cut_off_check(self.home, table)
        path = sql_text(self.checked(table))
        query = f"SELECT value::VARCHAR FROM parquet_kv_metadata({path}) WHERE key = 'timezone'"
        row = self.con.cursor().execute(query).fetchone()
        if row is not None and row[0] != self.settings.timezone:
            raise GuanjiaError(
                f"table {table}",
                f"has the civil days of {row[0]}, not of {self.settings.timezone}",
                "run `guanjia check` again, or set GUANJIA_TIMEZONE back",
            )
        return self.checked(table)

    def table(self, table: str) -> "ir.Table":
        """Read the good rows of a table: its contract's columns, civil days, `superseded_at`.

        Raises
        ------
        GuanjiaError
            If the table is not declared, has not been checked, or was checked in another time zone.
        """
        return self.read(str(self.require(table)), f"checked_{table}")

    def open_by_name(self, table: str) -> None:
        """Open a table for stored SQL, as `table` does; Ibis does not ask for its columns."""
        self._show(str(self.require(table)), f"checked_{table}")

    def read(self, path: str, name: str | None = None) -> "ir.Table":
        """Open a Parquet file as a table of the engine that computes tags.

        A table with a `name` gives, inside `restricted_to`, only rows of the customers there.
        """
        if name is None:
            return self.engine.read_parquet(path)
        self._show(path, name)
        return self.engine.table(name)

    def _show(self, path: str, name: str) -> None:
        """Show the rows of a Parquet file by a name: inside `restricted_to`, of customers there."""
        first, end = self._customers
        above = f" WHERE customer_id >= {sql_text(first)}" if first or end is not None else ""
        below = "" if end is None else f" AND customer_id < {sql_text(end)}"
        rows = checked_rows(self.con, name.removeprefix("checked_"), path)
        self.engine.raw_sql(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {rows}{above}{below}')

    @contextmanager
    def restricted_to(self, customers: tuple[str, str | None]) -> Iterator[None]:
        """Restrict the tables read in this block to customer ids in [first, end); end None: all.

        Stored SQL reads tables by name: call `table` again inside the block, and after it.
        """
        before, self._customers = self._customers, customers
        try:
            yield
        finally:
            self._customers = before

    def sql(self, rows: "ir.Table") -> str:
        """Write an expression as SQL of the engine that computes tags."""
        return str(self.engine.compile(rows))

    def rows(self, table: "ir.Table") -> list[dict[str, Any]]:
        """Fetch the rows of an expression over DuckDB, as dicts of column to value."""
        from features.lake.plain_rows import plain_rows

        return plain_rows(self.arrow(table))

    def arrow(self, table: "ir.Table") -> "pa.Table":
        """Fetch the rows of an expression over DuckDB as an Arrow table.

        As `engine.to_pyarrow`, which imports pandas: a command would wait for it.
        """
        # Registers the tables in memory that the expression reads; Ibis has no public name for it.
        self.engine._run_pre_execute_hooks(table)
        rows = self.engine.raw_sql(self.engine.compile(table)).to_arrow_table()
        schema = table.schema().to_pyarrow()
        # DuckDB has a timestamp where Ibis, adding days to a date, says date.
        return rows if rows.schema.equals(schema) else rows.cast(schema)

    @contextmanager
    def materialised(self, name: str, rows: "ir.Table | str") -> "Iterator[Opener]":
        """Materialise an expression or a query as a temporary table, dropped on exit.

        Yields what opens the table for expressions: Ibis asks for its columns then, which costs as
        much as a small query, and stored SQL reads the table by name.

        Parameters
        ----------
        name : str
            Name of the temporary table.
        rows : ibis.Table or str
            The rows, or a query for them in SQL, which Ibis does not parse (that takes longer
            than the engine needs to run it).
        """
        self.engine.raw_sql(f'DROP TABLE IF EXISTS "{name}"')
        try:
            if isinstance(rows, str):
                self.engine.raw_sql(f'CREATE TEMP TABLE "{name}" AS {rows}')
            else:
                self.engine.create_table(name, rows, temp=True)
            yield cache(partial(self.engine.table, name))
        finally:
            self.engine.raw_sql(f'DROP TABLE IF EXISTS "{name}"')

    def keep(self, rows: "ir.Table | str") -> "ir.Table":
        """Compute rows once into a temporary table, which goes when no expression reads it.

        Parameters
        ----------
        rows : ibis.Table or str
            The rows, or a query for them in SQL.
        """
        self._kept += 1
        name = f"kept_{self._kept}"
        if isinstance(rows, str):
            self.engine.raw_sql(f"CREATE TEMP TABLE {name} AS {rows}")
            table = self.engine.table(name)
        else:
            table = self.engine.create_table(name, rows, temp=True)
        weakref.finalize(
            table.op(), self.con.execute, f"DROP TABLE IF EXISTS {name}"
        ).atexit = False
        return table

    @contextmanager
    def batches(self, query: str) -> "Iterator[Iterable[pa.RecordBatch]]":
        """Stream the rows of a query in batches; no other query may run inside the block."""
        yield self.engine.raw_sql(query).to_arrow_reader(BATCH)

    def moments(self, dates: Sequence[tuple[date, datetime]]) -> Moments:
        """Express as-of dates and their cutoffs (UTC) as session variables, named by position.

        The expressions are the same for all dates, so the SQL can be stored and run again; the
        engine still plans with the values.
        """
        for place, (day, end) in enumerate(dates):
            self.engine.raw_sql(f"SET VARIABLE as_of_{place} = DATE '{day}'")
            self.engine.raw_sql(f"SET VARIABLE cutoff_{place} = {instant_sql(end)}")
        from features.lake.variables import day_variable, instant_variable

        return tuple(
            (day_variable(f"as_of_{place}"), instant_variable(f"cutoff_{place}"))
            for place in range(len(dates))
        )
