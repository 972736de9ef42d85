"""Hand Feast the online rows of a home's SQLite file (`features.online.sqlite_rows`)."""

from typing import Any

from feast.repo_config import FeastConfigBaseModel

from features.lake.pointer import read_pointer
from features.online.feast_home import feast_home
from features.online.feast_rows import PackedOnlineStore
from features.online.rows import OnlineRows
from features.online.sqlite_rows import SqliteRows
from features.online.store import slot_file


class HomeOnlineStoreConfig(FeastConfigBaseModel):
    """Settings of `HomeOnlineStore`; Feast finds this class by its name."""

    type: str = "features.online.sqlite_store.HomeOnlineStore"
    path: str = "feast/online.db"


class HomeOnlineStore(PackedOnlineStore):
    """Feast online store in a SQLite file; its configured path is relative to the home folder.

    The path in the YAML means the slot that is live (`features.online.store`).
    """

    def __init__(self) -> None:
        self._rows: dict[str, SqliteRows] = {}

    def rows(self, config: Any) -> OnlineRows:
        """Open the file that the configuration names."""
        home = feast_home()
        path = home / str(config.online_store.path)
        if path == slot_file(home, "") and (day := read_pointer(home)) is not None:
            path = slot_file(home, day.slot)
        return self._rows.setdefault(str(path), SqliteRows(path, config.project))
