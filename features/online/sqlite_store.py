"""Hand Feast the online rows of a home's SQLite file (`features.online.sqlite_rows`)."""

from typing import Any

from feast.repo_config import FeastConfigBaseModel

from features.online.feast_home import feast_home
from features.online.feast_rows import PackedOnlineStore
from features.online.rows import OnlineRows
from features.online.sqlite_rows import SqliteRows


class HomeOnlineStoreConfig(FeastConfigBaseModel):
    """Settings of `HomeOnlineStore`; Feast finds this class by its name."""

    type: str = "features.online.sqlite_store.HomeOnlineStore"
    path: str = "feast/online.db"


class HomeOnlineStore(PackedOnlineStore):
    """Feast online store in a SQLite file; its configured path is relative to the home folder."""

    def __init__(self) -> None:
        self._rows: dict[str, SqliteRows] = {}

    def rows(self, config: Any) -> OnlineRows:
        """Open the file that the configuration names."""
        path = feast_home() / str(config.online_store.path)
        return self._rows.setdefault(str(path), SqliteRows(path, config.project))
