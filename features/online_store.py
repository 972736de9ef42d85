"""Feast's online store: SQLite, one row a customer and view, and older never replaces newer.

Feast's own SQLite store keeps a row for every customer and tag (35 kB a customer for our tags) and
overwrites whatever is there. Here a row holds all tags of a view as one JSON array, in the order of
a *layout*: the names of the tags, kept once. A row written under an older catalogue still reads
right, because it names its layout (`docs/adr/0005-online-store.md`).
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel
from feast.types import Bool, Float64, Int64, String

from features.feast_home import feast_home

Row = tuple[str, int, int, str]
"""Customer, event and created time in microseconds UTC, tags as a JSON array."""

LARGEST_QUERY = 500
_FIELDS = {Int64: "int64_val", Float64: "double_val", String: "string_val", Bool: "bool_val"}
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


class HomeOnlineStore(OnlineStore):
    """See the module. `config.online_store.path` is relative to the home folder."""

    def __init__(self) -> None:
        self._local = threading.local()

    def load(self, config: Any, view: Any, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer whole rows in one transaction; those that are newer in the store stay.

        Parameters
        ----------
        view : feast.FeatureView
            Which tags these are.
        tags : sequence of str
            Their names, in the order of each row's array.
        rows : iterable of (str, int, int, str)
            See `Row`.

        Returns
        -------
        int
            Rows offered.
        """
        offered = 0
        with self._writing(config) as connection:
            layout = _layout(connection, tags)

            def counted() -> Iterator[tuple[str, int, int, int, str]]:
                nonlocal offered
                for customer_id, event_us, created_us, array in rows:
                    offered += 1
                    yield customer_id, event_us, created_us, layout, array

            connection.executemany(_UPSERT.format(table=_table(config, view)), counted())
        return offered

    def online_write_batch(self, config: Any, table: Any, data: Any, progress: Any) -> None:
        """Write rows as Feast hands them over; see `OnlineStore.online_write_batch`."""
        tags = [field.name for field in table.features]
        rows = []
        for entity, values, event, created in data:
            known = event if created is None else created
            array = json.dumps([_plain(values.get(tag)) for tag in tags], ensure_ascii=False)
            rows.append((_customer(entity), _microseconds(event), _microseconds(known), array))
        self.load(config, table, tags, rows)
        if progress:
            progress(len(rows))

    def online_read(
        self, config: Any, table: Any, entity_keys: Any, requested_features: Any = None
    ) -> list[tuple[datetime | None, dict[str, Any] | None]]:
        """Rows in the order asked; see `OnlineStore.online_read`."""
        fields = {
            field.name: _FIELDS[field.dtype]
            for field in table.features
            if requested_features is None or field.name in requested_features
        }
        ids = [_customer(key) for key in entity_keys]
        found = {row[0]: row for row in self._rows(config, table, list(dict.fromkeys(ids)))}
        layouts = self._layouts(config)
        answer: list[tuple[datetime | None, dict[str, Any] | None]] = []
        for customer_id in ids:
            if customer_id not in found:
                answer.append((None, None))
                continue
            _, event_us, layout, array = found[customer_id]
            stored = dict(zip(layouts[layout], json.loads(array), strict=True))
            values = {name: _value(field, stored.get(name)) for name, field in fields.items()}
            answer.append((datetime.fromtimestamp(event_us / 1e6, UTC), values))
        return answer

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
        with self._writing(config) as connection:
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
            path = _path(config)
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS layouts (layout INTEGER PRIMARY KEY, tags TEXT UNIQUE)"
            )
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found

    @contextmanager
    def _writing(self, config: Any) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        connection = self._connection(config)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _rows(self, config: Any, view: Any, ids: Sequence[str]) -> Iterator[Any]:
        connection = self._connection(config)
        for start in range(0, len(ids), LARGEST_QUERY):
            some = ids[start : start + LARGEST_QUERY]
            marks = ", ".join("?" * len(some))
            yield from connection.execute(
                f'SELECT customer_id, event_us, layout, tags FROM "{_table(config, view)}" '
                f"WHERE customer_id IN ({marks})",
                some,
            )

    def _layouts(self, config: Any) -> dict[int, list[str]]:
        rows = self._connection(config).execute("SELECT layout, tags FROM layouts")
        return {layout: json.loads(tags) for layout, tags in rows}


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


def _customer(key: Any) -> str:
    """The customer of an entity key; views have this one join key."""
    return str(key.entity_values[0].string_val)


def _microseconds(at: datetime) -> int:
    known = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    whole = known.astimezone(UTC).replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000 + known.microsecond


def _plain(value: Any) -> Any:
    """A Feast value as JSON knows it; absent is null."""
    kind = value.WhichOneof("val") if value is not None else None
    return None if kind is None or kind == "null_val" else getattr(value, kind)


def _value(field: str, plain: Any) -> Any:
    return Value() if plain is None else Value(**{field: plain})
