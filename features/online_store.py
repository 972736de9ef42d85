"""Feast's online store: SQLite, one row a customer and view, and older never replaces newer.

Feast's own SQLite store keeps a row for every customer and tag (35 kB a customer for our tags) and
overwrites whatever is there. What a row looks like: `features.online_rows`.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from feast.repo_config import FeastConfigBaseModel

from features.feast_home import feast_home
from features.online_rows import PackedOnlineStore, Row, Stored
from features.sqlite import opened, scrub, transaction

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

    type: str = "features.online_store.HomeOnlineStore"
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

    def stored(self, config: Any, view: Any, ids: Sequence[str]) -> Mapping[str, Stored]:
        """The rows of those of the customers who have one."""
        rows = self._rows(config, view, ids)
        return {row[0]: Stored(row[1], _names(row[2]), row[3]) for row in rows}

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

    def _connection(self, config: Any) -> sqlite3.Connection:
        """This thread's connection: SQLite lets many read while one writes."""
        if not hasattr(self._local, "connection"):
            connection = opened(_path(config), PATIENCE_SECONDS, "NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS layouts (layout INTEGER PRIMARY KEY, tags TEXT UNIQUE)"
            )
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found

    def _rows(self, config: Any, view: Any, ids: Sequence[str]) -> Iterator[Any]:
        connection = self._connection(config)
        for start in range(0, len(ids), LARGEST_QUERY):
            some = ids[start : start + LARGEST_QUERY]
            marks = ", ".join("?" * len(some))
            yield from connection.execute(
                f'SELECT customer_id, event_us, l.tags, t.tags FROM "{_table(config, view)}" t '
                f"JOIN layouts l USING (layout) WHERE customer_id IN ({marks})",
                some,
            )


@lru_cache(maxsize=1024)
def _names(layout: str) -> list[str]:
    """The tags of a layout, from its JSON."""
    names: list[str] = json.loads(layout)
    return names


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
