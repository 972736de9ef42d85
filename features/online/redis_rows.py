"""The online store on Redis, for services on several machines: the same rows, the same guard.

Feast's own Redis store reads, compares and then writes, so that two writers can cross, and drops
what corrects a row of the same event time. Here a script compares event and created time and sets
in one step (`docs/adr/0009-events.md`). One database of a Redis server belongs to one home.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any

from feast.repo_config import FeastConfigBaseModel

from features.errors import GuanjiaError
from features.online.rows import PackedOnlineStore, Row, Stored

READ_SECONDS = 0.1
"""How long a request waits for rows: from a snapshot it has them soon after. It asks once."""
QUICK_SECONDS = 0.2
"""How long an event waits until its rows are taken; it does not try twice."""
PATIENT_SECONDS = 30.0
"""How long a load waits for one of its scripts."""
CHUNK = 500

_OFFER = """
for i, key in ipairs(KEYS) do
    local there = redis.call('GETRANGE', key, 0, 40)
    local event, created = string.match(there, '^(%d+) (%d+) ')
    local offered_event, offered_created = string.match(ARGV[i], '^(%d+) (%d+) ')
    event, created = tonumber(event), tonumber(created)
    offered_event, offered_created = tonumber(offered_event), tonumber(offered_created)
    if not event or offered_event > event
        or (offered_event == event and offered_created >= created) then
        redis.call('SET', key, ARGV[i])
    end
end
"""


class RedisOnlineStoreConfig(FeastConfigBaseModel):
    """Settings of `RedisOnlineStore`; Feast finds this class by its name."""

    type: str = "features.online.redis_store.RedisOnlineStore"
    url: str = "redis://127.0.0.1:6379/0"


class RedisOnlineStore(PackedOnlineStore):
    """See the module. A value is `event created layout [tags]`."""

    def __init__(self) -> None:
        # A layout is named by its hash, so what was read once stays true.
        self._layouts: dict[str, tuple[str, ...]] = {}

    def load(self, config: Any, view: Any, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer whole rows, some hundreds a script; see `PackedOnlineStore.load`."""
        offered = self._offer(config, view, tags, rows, PATIENT_SECONDS)
        with _reached(config, PATIENT_SECONDS) as client:
            client.set(_filled(config, view), 1)
        return offered

    def write(self, config: Any, view: Any, tags: Sequence[str], rows: Sequence[Row]) -> None:
        """Offer a few rows, in the time of a request."""
        self._offer(config, view, tags, rows, QUICK_SECONDS)

    def stored(
        self, config: Any, views: Sequence[Any], ids: Sequence[str]
    ) -> Sequence[Mapping[str, Stored]]:
        """One question for all views; see `PackedOnlineStore.stored`.

        A Redis that lost everything, and what events wrote since, knows of no customer enough.
        """
        keys = [_key(config, view, one) for view in views for one in ids]
        found: list[dict[str, Stored]] = [{} for _ in views]
        with _reached(config, READ_SECONDS) as client:
            told = client.mget([*(_filled(config, view) for view in views), *keys])
            filled, values = told[: len(views)], told[len(views) :]
            for view, mark in zip(views, filled, strict=True):
                if mark is None:
                    fault = f"on Redis was not filled with tags of {view.name}"
                    raise GuanjiaError("the online store", fault, "run `guanjia materialize`")
            rows = [None if value is None else value.decode().split(" ", 3) for value in values]
            self._learn(config, client, {row[2] for row in rows if row is not None})
        for place, row in enumerate(rows):
            if row is not None:
                event, _, layout, array = row
                names = self._layouts[layout]
                found[place // len(ids)][ids[place % len(ids)]] = Stored(int(event), names, array)
        return found

    def remove(self, config: Any, view: Any, ids: Sequence[str]) -> list[str]:
        """Delete the rows of customers; those who had one."""
        with _reached(config, PATIENT_SECONDS) as client:
            return [one for one in ids if client.unlink(_key(config, view, one))]

    def scrub(self, config: Any) -> None:
        """Nothing: what Redis writes to its disk it writes anew by itself."""

    def update(
        self,
        config: Any,
        tables_to_delete: Sequence[Any],
        tables_to_keep: Sequence[Any],  # noqa: ARG002
        entities_to_delete: Sequence[Any],  # noqa: ARG002
        entities_to_keep: Sequence[Any],  # noqa: ARG002
        partial: bool,  # noqa: ARG002
    ) -> None:
        """Delete the rows of views that are gone; those of new ones need no place made."""
        with _reached(config, PATIENT_SECONDS) as client:
            for view in tables_to_delete:
                _delete(client, _key(config, view, ""))

    def teardown(self, config: Any, tables: Sequence[Any], entities: Sequence[Any]) -> None:  # noqa: ARG002
        """Delete everything of the project."""
        with _reached(config, PATIENT_SECONDS) as client:
            _delete(client, f"{config.project}:")
        self._layouts.clear()

    def _offer(
        self, config: Any, view: Any, tags: Sequence[str], rows: Iterable[Row], seconds: float
    ) -> int:
        names = json.dumps(list(tags))
        layout = hashlib.sha256(names.encode()).hexdigest()[:12]
        offered = 0
        with _reached(config, seconds) as client:
            client.hset(_layouts(config), layout, names)
            offer = client.register_script(_OFFER)
            left = iter(rows)
            while some := list(islice(left, CHUNK)):
                keys = [_key(config, view, row[0]) for row in some]
                offer(keys=keys, args=[f"{row[1]} {row[2]} {layout} {row[3]}" for row in some])
                offered += len(some)
        return offered

    def _learn(self, config: Any, client: Any, layouts: set[str]) -> None:
        new = sorted(layouts - set(self._layouts))
        if new:
            for layout, names in zip(new, client.hmget(_layouts(config), new), strict=True):
                self._layouts[layout] = tuple(json.loads(names))


@lru_cache
def _client(url: str, seconds: float) -> Any:
    """A client with its pool of connections; threads share it."""
    try:
        import redis
    except ImportError:
        raise GuanjiaError(
            "the online store", "needs the Redis client", "pip install 'guanjia[redis]'"
        ) from None
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )


@contextmanager
def _reached(config: Any, seconds: float) -> Iterator[Any]:
    """The client; what goes wrong between us and Redis is said without the URL's password."""
    client = _client(config.online_store.url, seconds)
    import redis

    try:
        yield client
    except redis.RedisError as fault:
        place = client.connection_pool.connection_kwargs
        where = f"{place.get('host', 'its socket')}:{place.get('port', '')}".rstrip(":")
        raise GuanjiaError(
            "the online store",
            f"on Redis at {where} does not answer ({type(fault).__name__})",
            "start Redis, or correct GUANJIA_ONLINE",
        ) from fault


def _delete(client: Any, prefix: str) -> None:
    unlink: Callable[..., Any] = client.unlink
    keys = client.scan_iter(match=f"{prefix}*", count=1000)
    while some := list(islice(keys, CHUNK)):
        unlink(*some)


def _key(config: Any, view: Any, customer_id: str) -> str:
    return f"{config.project}:{view.name}:{customer_id}"


def _filled(config: Any, view: Any) -> str:
    """Is there once the rows of a snapshot are; no customer has this key."""
    return _key(config, view, "")


def _layouts(config: Any) -> str:
    return f"{config.project}:layouts"
