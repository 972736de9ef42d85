"""Hand Feast the online rows on a Redis server (`features.online.redis_rows`)."""

from typing import Any

from feast.repo_config import FeastConfigBaseModel

from features.online.feast_rows import PackedOnlineStore
from features.online.redis_rows import RedisRows
from features.online.rows import OnlineRows


class RedisOnlineStoreConfig(FeastConfigBaseModel):
    """Settings of `RedisOnlineStore`; Feast finds this class by its name."""

    type: str = "features.online.redis_store.RedisOnlineStore"
    url: str = "redis://127.0.0.1:6379/0"
    slot: str = ""


class RedisOnlineStore(PackedOnlineStore):
    """Feast online store on Redis."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], RedisRows] = {}

    def rows(self, config: Any) -> OnlineRows:
        """Open the server that the configuration names."""
        url, slot = config.online_store.url, config.online_store.slot
        return self._rows.setdefault((url, slot), RedisRows(url, config.project, slot))
