"""Keep online rows in a SQLite file: one row a customer and tag group, older never replaces newer.

Feast's own SQLite store keeps a row for every customer and tag (35 kB a customer for our tags) and
overwrites newer rows. The form of a row: `features.online.rows`.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from features.errors import GuanjiaError
from features.online.rows import OnlineRows, Row, StoredRow, not_filled
from features.sql import quoted
from features.sqlite import connect, file_identity, scrub, transaction

LARGEST_QUERY = 500
PATIENCE_SECONDS = 30.0
FORM = 1
"""Of the file: its tables are marked once they are filled. Files of before have 0."""
_UPSERT = """
INSERT INTO {table} (customer_id, event_us, created_us, layout, tags) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (customer_id) DO UPDATE SET event_us = excluded.event_us,
    created_us = excluded.created_us, layout = excluded.layout, tags = excluded.tags
WHERE (excluded.event_us, excluded.created_us) >= (event_us, created_us)
"""
_MARK = b""
"""Key of the row that marks a table as filled: it goes when the rows go. No text equals it."""
_SET_MARK = "INSERT OR IGNORE INTO {table} VALUES (?, 0, 0, 0, '[]')"


class SqliteRows(OnlineRows):
    """Rows in one SQLite file; threads share it, each over a connection of its own.

    Parameters
    ----------
    path : Path
        The file.
    project : str
        Feast's name of the project; names of tables begin with it.
    """

    def __init__(self, path: Path, project: str) -> None:
        self._path = path
        self._project = project
        self._local = threading.local()

    def mark_filled(self, group: str) -> None:
        """Mark a group as filled, by a row of its table."""
        with self._writing() as connection:
            connection.execute(_SET_MARK.format(table=self._quoted(group)), [_MARK])

    def offer(self, group: str, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer whole rows in one transaction.

        Parameters
        ----------
        group, tags, rows
            As `OnlineRows.offer` takes them.
        """
        offered = 0
        with self._writing() as connection:
            layout = _layout(connection, tags)

            def counted() -> Iterator[tuple[str, int, int, int, str]]:
                nonlocal offered
                for customer_id, event_us, created_us, array in rows:
                    offered += 1
                    yield customer_id, event_us, created_us, layout, array

            connection.executemany(_UPSERT.format(table=self._quoted(group)), counted())
        return offered

    def read(self, groups: Sequence[str], ids: Sequence[str]) -> Sequence[Mapping[str, StoredRow]]:
        """Read the rows of customers with one statement for all groups."""
        connection = self._connection(make=False)
        tables = _table_names(self._project, tuple(groups))
        stored: list[dict[str, StoredRow]] = [{} for _ in groups]
        size = max(1, LARGEST_QUERY // max(len(groups), 1))
        for start in range(0, len(ids) if groups else 0, size):
            part = ids[start : start + size]
            try:
                rows = connection.execute(_select(tables, len(part)), [*part] * len(groups))
            except sqlite3.OperationalError as fault:
                if "no such table" not in str(fault):
                    raise
                raise not_filled(groups) from fault
            for place, customer_id, event_us, layout, array in rows:
                names = self._names(connection, layout)
                stored[place][customer_id] = StoredRow(event_us, names, array)
        if sum(map(len, stored)) < len(ids) * len(groups):
            marked = connection.execute(_select(tables, 1), [_MARK] * len(groups))
            filled = {place for place, *_ in marked}
            lacking = {place for place, rows in enumerate(stored) if len(rows) < len(ids)}
            if lacking - filled:
                raise not_filled([groups[place] for place in sorted(lacking - filled)])
        return stored

    def count(self, group: str, ids: Sequence[str]) -> int:
        """Count the customers who have a row of a group that was filled.

        Parameters
        ----------
        group, ids
            As `OnlineRows.count` takes them.
        """
        if group not in self.loaded_groups():
            return 0
        connection, table = self._connection(), self._quoted(group)
        named = (
            f"SELECT count(*) FROM {table} WHERE customer_id IN (SELECT value FROM json_each(?))"
        )
        marked = connection.execute(f"SELECT 1 FROM {table} WHERE customer_id = ?", [_MARK])
        if marked.fetchone() is None:
            return 0
        (number,) = connection.execute(named, [json.dumps(list(ids))]).fetchone()
        return int(number)

    def loaded_groups(self) -> list[str]:
        """List the tag groups that have a table, declared today or not."""
        prefix = self._table("")
        return [table.removeprefix(prefix) for table in self._tables(self._connection())]

    def remove(self, group: str, ids: Sequence[str]) -> list[str]:
        """Delete the rows of customers; return those who had one."""
        if group not in self.loaded_groups():
            return []
        delete = f"DELETE FROM {self._quoted(group)} WHERE customer_id = ?"
        with self._writing() as connection:
            return [name for name in ids if connection.execute(delete, [name]).rowcount]

    def prepare_groups(self, groups: Iterable[str]) -> None:
        """Create the tables of tag groups; stored rows stay."""
        with self._writing() as connection:
            for group in groups:
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {self._quoted(group)} (customer_id TEXT PRIMARY"
                    " KEY, event_us INTEGER NOT NULL, created_us INTEGER NOT NULL, layout INTEGER"
                    " NOT NULL, tags TEXT NOT NULL) WITHOUT ROWID"
                )

    def drop(self, groups: Iterable[str]) -> None:
        """Drop the tables of tag groups that are gone."""
        with self._writing() as connection:
            for group in groups:
                connection.execute(f"DROP TABLE IF EXISTS {self._quoted(group)}")

    def drop_all(self) -> None:
        """Delete the file."""
        self._connection().close()
        self._local.__dict__.clear()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def scrub(self) -> None:
        """Rewrite the file without the deleted rows."""
        scrub(self._path, "the online store", PATIENCE_SECONDS)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that writes; a missing table means that its group was never loaded."""
        try:
            with transaction(self._connection()) as connection:
                yield connection
        except sqlite3.OperationalError as fault:
            if "no such table" not in str(fault):
                raise
            raise not_filled([str(fault).rpartition(f"{self._project}_")[2]]) from fault

    def _connection(self, make: bool = True) -> sqlite3.Connection:
        """Return this thread's connection: SQLite lets many read while one writes.

        A connection to a file that was moved away would read it for ever, and a new file in its
        place would be empty: with `make` False, a missing file is an error.
        """
        cache = self._local.__dict__
        if "connection" in cache:
            if file_identity(self._path) == cache["place"]:
                cached: sqlite3.Connection = cache["connection"]
                return cached
            cache.pop("connection").close()
        if not make and file_identity(self._path) is None:
            fault = f"is gone: {self._path} was moved or deleted"
            raise GuanjiaError("the online store", fault, "run `guanjia materialize`")
        connection = connect(self._path, PATIENCE_SECONDS, "NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS layouts (layout INTEGER PRIMARY KEY, tags TEXT UNIQUE)"
        )
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        if form < FORM:
            self._mark_old_tables(connection)
        cache["connection"], cache["place"] = connection, file_identity(self._path)
        cache["layouts"] = {}
        return connection

    def _mark_old_tables(self, connection: sqlite3.Connection) -> None:
        """Mark the tables of an earlier release that have rows: it knew no marks."""
        with transaction(connection):
            for table in map(quoted, self._tables(connection)):
                if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
                    connection.execute(_SET_MARK.format(table=table), [_MARK])
            connection.execute(f"PRAGMA user_version = {FORM}")

    def _tables(self, connection: sqlite3.Connection) -> list[str]:
        """List the tables of the project's groups."""
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [name for (name,) in connection.execute(query)]
        return sorted(name for name in names if name.startswith(self._table("")))

    def _table(self, group: str) -> str:
        return f"{self._project}_{group}"

    def _quoted(self, group: str) -> str:
        return _table_names(self._project, (group,))[0]

    def _names(self, connection: sqlite3.Connection, layout: int) -> tuple[str, ...]:
        """Return the tags of a layout, cached: a layout never changes."""
        known: dict[int, tuple[str, ...]] = self._local.layouts
        if layout not in known:
            (names,) = connection.execute("SELECT tags FROM layouts WHERE layout = ?", [layout])
            known[layout] = tuple(json.loads(names[0]))
        return known[layout]


@lru_cache(maxsize=1024)
def _table_names(project: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Write the tables of groups as identifiers, once for all requests that read them."""
    return tuple(quoted(f"{project}_{group}") for group in groups)


@lru_cache(maxsize=1024)
def _select(tables: tuple[str, ...], ids: int) -> str:
    """Write the query that reads the rows of `ids` customers, each with the place of its table."""
    marks = ", ".join("?" * ids)
    return " UNION ALL ".join(
        f"SELECT {place}, customer_id, event_us, layout, tags FROM {table} "
        f"WHERE customer_id IN ({marks})"
        for place, table in enumerate(tables)
    )


def _layout(connection: sqlite3.Connection, tags: Sequence[str]) -> int:
    """Return the number of this order of tags, assigned at first use."""
    names = json.dumps(list(tags))
    connection.execute("INSERT OR IGNORE INTO layouts (tags) VALUES (?)", [names])
    (number,) = connection.execute("SELECT layout FROM layouts WHERE tags = ?", [names]).fetchone()
    return int(number)
