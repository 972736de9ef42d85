"""Where tables, tags, snapshots and scores lie, and the engine that reads them.

<home>/raw/<table>/*.parquet|*.csv      what the insurer delivers
<home>/events.db                        what events said during the day (features.events.inbox)
<home>/source.json                      which source wrote raw/, where one of ours did
<home>/truth/*.parquet                  what only the simulation knows; no tag or model reads it
<home>/checked/<table>.parquet          good rows, with `superseded_at`
<home>/quarantine/<table>.parquet       bad rows, with the reasons
<home>/tags/<group>/as_of=<D>.parquet   tags of one date; history-<name>.parquet: of many dates
<home>/snapshots/<D>.json               what belongs together: files, hashes, snapshot id
<home>/segments/as_of=<D>.parquet       one row a customer; which segments he is in
<home>/clusters/as_of=<D>.parquet       one row a customer; which learned cluster he is in
<home>/scores/as_of=<D>.parquet         one row a customer
<home>/reports/<model>/<version>/       report, model card and tables of a trained model
<home>/effects/<treatment>/             what a contact or an offer adds to renewals: text and JSON
<home>/quality/as_of=<D>.json|parquet   statistics of the tags of one date, and what they break
<home>/monitoring/as_of=<D>.json        champions held against later outcomes, and what to do
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from features.errors import GuanjiaError, did_you_mean
from features.publishing import published
from features.settings import Settings
from features.sql import instant_sql, sql_text

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

DERIVED = (
    "checked",
    "quarantine",
    "tags",
    "snapshots",
    "segments",
    "clusters",
    "scores",
    "triggers",
    "quality",
    "monitoring",
    "training",
    "feast",
)


Moments: TypeAlias = "tuple[tuple[ir.Value, ir.Value], ...]"
"""As-of dates with their cutoffs, as expressions."""

BATCH = 100_000
"""Rows of an Arrow batch."""


class Lake:
    """The files of one installation and the engine that reads them.

    Making one imports no engine: who needs only paths and settings waits for none, and who asks
    DuckDB in SQL (`con`) does not wait for Ibis, which writes that SQL (`engine`).

    Parameters
    ----------
    settings : Settings
        `home` says where, `threads` and `memory_limit` how much DuckDB may take.
    """

    name = "duckdb"
    """The engine that computes tags."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home
        self._con: duckdb.DuckDBPyConnection | None = None
        self._engine: Backend | None = None
        self._only: tuple[str, str | None] = ("", None)

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
            # Where there is no script (python -c) DuckDB draws a bar on stdout; in a notebook
            # without ipywidgets it can draw none and refuses to say so.
            with suppress(duckdb.InvalidInputException):
                self._con.execute("SET enable_progress_bar = false")
        return self._con

    @property
    def engine(self) -> "Backend":
        """The same connection as Ibis sees it."""
        if self._engine is None:
            import ibis

            # DuckDB plans nested selects as well as merged ones, and merging takes Ibis longer.
            ibis.options.sql.fuse_selects = False
            self._engine = ibis.duckdb.from_connection(self.con)
        return self._engine

    def raw(self, table: str) -> Path:
        """Folder of a raw table's files."""
        return self.home / "raw" / table

    def checked(self, table: str) -> Path:
        """File of a table's good rows."""
        return self.home / "checked" / f"{table}.parquet"

    def quarantine(self, table: str) -> Path:
        """File of a table's bad rows."""
        return self.home / "quarantine" / f"{table}.parquet"

    def truth(self, name: str) -> Path:
        """File of the simulation's truth; evaluation and tests alone may read it."""
        return self.home / "truth" / f"{name}.parquet"

    def tags(self, group: str) -> Path:
        """Folder of one tag group's files."""
        return self.home / "tags" / group

    @property
    def inbox(self) -> Path:
        """File of the events received."""
        return self.home / "events.db"

    def give_raw_to(self, source: str) -> None:
        """Let `source` write the raw tables; what was derived from others it replaces goes.

        Parameters
        ----------
        source : str
            One of ours: "simulated", "lledo-pavia".

        Raises
        ------
        GuanjiaError
            If `raw/` holds tables that this source did not write: they may be an insurer's own.
        """
        mark = self.home / "source.json"
        found = json.loads(mark.read_text("utf-8"))["source"] if mark.exists() else None
        raw = self.home / "raw"
        if raw.exists() and any(raw.iterdir()) and found != source:
            raise GuanjiaError(
                f"folder {raw}",
                f"holds raw tables {'of the source ' + found if found else 'of your own'}",
                "set GUANJIA_HOME to another folder, or move these tables away",
            )
        for name in DERIVED:
            shutil.rmtree(self.home / name, ignore_errors=True)
        # Events of customers who are no more.
        for file in self.home.glob(f"{self.inbox.name}*"):
            file.unlink()
        with published(mark) as draft:
            draft.write_text(json.dumps({"source": source}), "utf-8")

    def has(self, table: str) -> bool:
        """Whether the checked table is there."""
        return self.checked(table).exists()

    def require(self, table: str) -> Path:
        """File of a table's good rows, which must be there; threads may ask at once.

        Raises
        ------
        GuanjiaError
            If the table is not declared, has not been checked, or was checked in another time zone.
        """
        from features.contracts.tables import CONTRACTS

        if table not in CONTRACTS:
            raise GuanjiaError(f"table {table}", "is not declared", did_you_mean(table, CONTRACTS))
        if not self.has(table):
            raise GuanjiaError(
                f"table {table}", "has no checked rows", "load raw tables and run `guanjia check`"
            )
        path = sql_text(self.checked(table))
        query = f"SELECT value::VARCHAR FROM parquet_kv_metadata({path}) WHERE key = 'timezone'"
        written = self.con.cursor().execute(query).fetchone()
        if written is not None and written[0] != self.settings.timezone:
            raise GuanjiaError(
                f"table {table}",
                f"has the civil days of {written[0]}, not of {self.settings.timezone}",
                "run `guanjia check` again, or set GUANJIA_TIMEZONE back",
            )
        return self.checked(table)

    def table(self, table: str) -> "ir.Table":
        """The good rows of a table: its contract's columns, civil days, and `superseded_at`.

        Raises
        ------
        GuanjiaError
            As `require` says.
        """
        return self.read(str(self.require(table)), f"checked_{table}")

    def read(self, path: str, name: str | None = None) -> "ir.Table":
        """A Parquet file as a table of the engine that computes tags, under a name of its own.

        Within `only`, of the customers named there.
        """
        first, end = self._only
        if name is None or (not first and end is None):
            return self.engine.read_parquet(path, table_name=name)
        below = "" if end is None else f" AND customer_id < {sql_text(end)}"
        self.engine.raw_sql(
            f'CREATE OR REPLACE TEMP VIEW "{name}" AS SELECT * FROM read_parquet({sql_text(path)})'
            f" WHERE customer_id >= {sql_text(first)}{below}"
        )
        return self.engine.table(name)

    @contextmanager
    def only(self, customers: tuple[str, str | None]) -> Iterator[None]:
        """Tables are of the customers from a number to below another (None: to the last).

        SQL that was kept reads tables by name, so `table` must be asked anew within and after.
        """
        before, self._only = self._only, customers
        try:
            yield
        finally:
            self._only = before

    def sql(self, rows: "ir.Table") -> str:
        """An expression as the engine's SQL."""
        import ibis

        return str(ibis.to_sql(rows, dialect="duckdb", pretty=False))

    def rows(self, table: "ir.Table") -> list[dict[str, Any]]:
        """Fetch the rows of an expression over this machine's engine, a dict of values each."""
        rows: list[dict[str, Any]] = self.engine.to_pyarrow(table).to_pylist()
        return rows

    @contextmanager
    def held(self, name: str, rows: "ir.Table | str") -> "Iterator[ir.Table]":
        """Rows, or what a query gives, computed once: a temporary table that goes with the block.

        A query as text is not parsed by Ibis, which takes longer than the engine does.
        """
        self.engine.raw_sql(f'DROP TABLE IF EXISTS "{name}"')
        try:
            if isinstance(rows, str):
                self.engine.raw_sql(f'CREATE TEMP TABLE "{name}" AS {rows}')
                yield self.engine.table(name)
            else:
                yield self.engine.create_table(name, rows, temp=True)
        finally:
            self.engine.raw_sql(f'DROP TABLE IF EXISTS "{name}"')

    @contextmanager
    def batches(self, query: str) -> "Iterator[Iterable[pa.RecordBatch]]":
        """What a query gives, a batch at a time; no other query may run meanwhile."""
        yield self.engine.raw_sql(query).to_arrow_reader(BATCH)

    def moments(self, dates: Sequence[tuple[date, datetime]]) -> Moments:
        """Dates and their cutoffs as expressions, the same ones whichever the dates are.

        They are variables of the session: the engine plans with their values, and SQL that reads
        them can be kept.
        """
        for place, (day, end) in enumerate(dates):
            self.engine.raw_sql(f"SET VARIABLE as_of_{place} = DATE '{day}'")
            self.engine.raw_sql(f"SET VARIABLE cutoff_{place} = {instant_sql(end)}")
        from features.lake.variables import day_variable, instant_variable

        return tuple(
            (day_variable(f"as_of_{place}"), instant_variable(f"cutoff_{place}"))
            for place in range(len(dates))
        )


def sha256_of(path: Path) -> str:
    """The hash of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
