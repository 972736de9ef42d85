"""Where Feast keeps its registry and its online rows, and the guard before the latter.

Feast expands environment variables in `feature_store.yaml` but knows no default for one that is
not set. So the YAML names the two classes below, which place a relative path under the home folder
of `features.settings`: the `feast` command line and `features.store` then read the same files.
"""

import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.sqlite import (
    SqliteOnlineStore,
    SqliteOnlineStoreConfig,
    _quote_id,
    _table_id,
)
from feast.infra.registry.file import FileRegistryStore
from feast.utils import _utc_now, to_naive_utc

from features.lake import published
from features.settings import load

REPO = Path(__file__).resolve().parent / "repo"
PROJECT = REPO.parents[1]

_UPSERT = """
INSERT INTO {table} (entity_key, feature_name, value, event_ts, created_ts)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (entity_key, feature_name) DO UPDATE SET
    value = excluded.value, value_text = NULL,
    event_ts = excluded.event_ts, created_ts = excluded.created_ts
WHERE (excluded.event_ts, excluded.created_ts) >= ({table}.event_ts, {table}.created_ts)
"""


def feast_home() -> Path:
    """The home folder, also while `feast` works from within `features/repo`.

    `feast apply` changes into the folder of its YAML; a home given relative to the working
    directory is then meant relative to the project root, where the command was typed.
    """
    home = load().home
    return PROJECT / home.relative_to(REPO) if home.is_relative_to(REPO) else home


class HomeRegistryStore(FileRegistryStore):
    """The registry file, its path relative to the home folder."""

    def __init__(self, registry_config: Any, repo_path: Path) -> None:
        super().__init__(registry_config, repo_path)
        self._filepath = feast_home() / registry_config.path

    def _write_registry(self, registry_proto: Any) -> None:
        # Feast's own makes one folder level only, and a reader may catch it half-written.
        registry_proto.version_id = str(uuid.uuid4())
        registry_proto.last_updated.FromDatetime(_utc_now())
        with published(self._filepath) as draft:
            draft.write_bytes(registry_proto.SerializeToString())


class HomeSqliteOnlineStoreConfig(SqliteOnlineStoreConfig):
    """Settings of `HomeSqliteOnlineStore`; `path` is relative to the home folder."""

    # Feast finds this class by its name; the type it declares stays that of the store below it.
    type: Any = "features.feast_home.HomeSqliteOnlineStore"


class HomeSqliteOnlineStore(SqliteOnlineStore):
    """Feast's SQLite store with a guard: an older row never replaces a newer one.

    Feast's own overwrites whatever is there, so loading an older snapshot again would serve old
    tags. Here (event, created) timestamps decide, in the statement that writes.
    """

    @staticmethod
    def _get_db_path(config: Any) -> str:
        path = feast_home() / config.online_store.path
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def online_write_batch(self, config: Any, table: Any, data: Any, progress: Any) -> None:
        """Write one batch in one transaction; see `OnlineStore.online_write_batch`."""
        version = config.entity_key_serialization_version
        name = _quote_id(
            _table_id(config.project, table, config.registry.enable_online_feature_view_versioning)
        )
        rows: list[tuple[bytes, str, bytes, datetime, datetime]] = []
        for entity, values, event, created in data:
            key = serialize_entity_key(entity, entity_key_serialization_version=version)
            at = to_naive_utc(event)
            known = at if created is None else to_naive_utc(created)
            rows += [
                (key, tag, value.SerializeToString(), at, known) for tag, value in values.items()
            ]
        connection = self._get_conn(config)
        with connection:
            connection.executemany(_UPSERT.format(table=name), rows)
        if progress:
            progress(len(data))
