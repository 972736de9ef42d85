"""Feast's online store: SQLite, one row a customer and view, and older never replaces newer.

Feast's own SQLite store keeps a row for every customer and tag (35 kB a customer for our tags) and
overwrites whatever is there. What a row looks like: `features.online.rows`.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from feast.repo_config import FeastConfigBaseModel

from features.errors import GuanjiaError
from features.online.feast_home import feast_home
from features.online.rows import PackedOnlineStore, Row, Stored
from features.sqlite import opened, place_of, scrub, transaction

LARGEST_QUERY = 500
PATIENCE_SECONDS = 30.0
_UPSERT = """
INSERT INTO "{table}" (customer_id, event_us, created_us, layout, tags) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (customer_id) DO UPDATE SET event_us = excluded.event_us,
    created_us = excluded.created_us, layout = excluded.layout, tags = excluded.tags
WHERE (excluded.event_us, excluded.created_us) >= (event_us, created_us)
"""


class HomeOnlineStoreConfig(FeastConfigBaseModel):
    """Settings of `HomeOnlineStore`; Feast finds this class by its name."""

    type: str = "features.online.sqlite_store.HomeOnlineStore"
    path: str = "feast/online.db"


class HomeOnlineStore(PackedOnlineStore):
    """See the module. `config.online_store.path` is relative to the home folder."""

    def __init__(self) -> None:
        self._local = threading.local()

    def load(self, config: Any, view: Any, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer whole rows in one transaction; see `PackedOnlineStore.load`."""
        offered = 0
        with transaction(self._connection(config)) as connection:
            layout = _layout(connection, tags)

            def counted() -> Iterator[tuple[str, int, int, int, str]]:
                nonlocal offered
                for customer_id, event_us, created_us, array in rows:
                    offered += 1
                    yield customer_id, event_us, created_us, layout, array

            connection.executemany(_UPSERT.format(table=_table(config, view)), counted())
        return offered

    def stored(
        self, config: Any, views: Sequence[Any], ids: Sequence[str]
    ) -> Sequence[Mapping[str, Stored]]:
        """One statement for all views; see `PackedOnlineStore.stored`."""
        connection = self._connection(config, make=False)
        tables = tuple(_table(config, view) for view in views)
        found: list[dict[str, Stored]] = [{} for _ in views]
        size = max(1, LARGEST_QUERY // max(len(views), 1))
        for start in range(0, len(ids) if views else 0, size):
            some = ids[start : start + size]
            rows = connection.execute(_select(tables, len(some)), [*some] * len(views))
            for place, customer_id, event_us, layout, array in rows:
                names = self._names(connection, layout)
                found[place][customer_id] = Stored(event_us, names, array)
        return found

    def remove(self, config: Any, view: Any, ids: Sequence[str]) -> list[str]:
        """Delete the rows of customers; those who had one."""
        delete = f'DELETE FROM "{_table(config, view)}" WHERE customer_id = ?'
        with transaction(self._connection(config)) as connection:
            return [one for one in ids if connection.execute(delete, [one]).rowcount]

    def scrub(self, config: Any) -> None:
        """Write the file anew, without what was deleted."""
        scrub(_path(config), "the online store", PATIENCE_SECONDS)

    def update(
        self,
        config: Any,
        tables_to_delete: Sequence[Any],
        tables_to_keep: Sequence[Any],
        entities_to_delete: Sequence[Any],  # noqa: ARG002
        entities_to_keep: Sequence[Any],  # noqa: ARG002
        partial: bool,  # noqa: ARG002
    ) -> None:
        """Make the tables of the views that are there, drop those of views that are gone."""
        with transaction(self._connection(config)) as connection:
            for view in tables_to_delete:
                connection.execute(f'DROP TABLE IF EXISTS "{_table(config, view)}"')
            for view in tables_to_keep:
                connection.execute(
                    f'CREATE TABLE IF NOT EXISTS "{_table(config, view)}" (customer_id TEXT PRIMARY'
                    " KEY, event_us INTEGER NOT NULL, created_us INTEGER NOT NULL, layout INTEGER"
                    " NOT NULL, tags TEXT NOT NULL) WITHOUT ROWID"
                )

    def teardown(self, config: Any, tables: Sequence[Any], entities: Sequence[Any]) -> None:  # noqa: ARG002
        """Delete the database."""
        self._connection(config).close()
        self._local.__dict__.clear()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{_path(config)}{suffix}").unlink(missing_ok=True)

    def _connection(self, config: Any, make: bool = True) -> sqlite3.Connection:
        """This thread's connection: SQLite lets many read while one writes.

        One to a file that was moved away would read it for ever, and one made anew in its place
        would be empty: who only reads is told that it is gone.
        """
        known = self._local.__dict__
        if "connection" in known:
            if place_of(known["path"]) == known["place"]:
                found: sqlite3.Connection = known["connection"]
                return found
            known.pop("connection").close()
        path = known["path"] = _path(config)
        if not make and place_of(path) is None:
            raise GuanjiaError("the online store", "is gone", "run `guanjia materialize`")
        connection = opened(path, PATIENCE_SECONDS, "NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS layouts (layout INTEGER PRIMARY KEY, tags TEXT UNIQUE)"
        )
        known["connection"], known["place"] = connection, place_of(path)
        known["layouts"] = {}
        return connection

    def _names(self, connection: sqlite3.Connection, layout: int) -> tuple[str, ...]:
        """The tags of a layout, which a file never changes."""
        known: dict[int, tuple[str, ...]] = self._local.layouts
        if layout not in known:
            (names,) = connection.execute("SELECT tags FROM layouts WHERE layout = ?", [layout])
            known[layout] = tuple(json.loads(names[0]))
        return known[layout]


@lru_cache(maxsize=1024)
def _select(tables: tuple[str, ...], ids: int) -> str:
    """The rows of so many customers, each with the place of its table."""
    marks = ", ".join("?" * ids)
    return " UNION ALL ".join(
        f'SELECT {place}, customer_id, event_us, layout, tags FROM "{table}" '
        f"WHERE customer_id IN ({marks})"
        for place, table in enumerate(tables)
    )


def _layout(connection: sqlite3.Connection, tags: Sequence[str]) -> int:
    """The number of this order of tags, given at first use."""
    names = json.dumps(list(tags))
    connection.execute("INSERT OR IGNORE INTO layouts (tags) VALUES (?)", [names])
    (number,) = connection.execute("SELECT layout FROM layouts WHERE tags = ?", [names]).fetchone()
    return int(number)


def _path(config: Any) -> Path:
    return feast_home() / str(config.online_store.path)


def _table(config: Any, view: Any) -> str:
    return f"{config.project}_{view.name}"
