"""Keep online rows on Redis, for services on several machines, under the same write guard.

Feast's own Redis store reads, compares and then writes, so that two writers can cross, and it drops
a correction of the same event time. Here a script compares event and created time and sets the row
in one step (`docs/adr/0009-events.md`). One database of a Redis server belongs to one home.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any

from features.errors import GuanjiaError
from features.online.rows import RESERVED, OnlineRows, Row, StoredRow, not_filled

READ_SECONDS = 0.1
"""How long a request waits for rows, without a retry: the snapshot answers instead."""
QUICK_SECONDS = 0.2
"""How long an event waits until its rows are written, without a retry."""
PATIENT_SECONDS = 30.0
"""How long a load waits for one of its scripts."""
CHUNK = 500

_OFFER = """
for i, key in ipairs(KEYS) do
    local there = redis.call('GETRANGE', key, 0, 40)
    local event, created = string.match(there, '^(-?%d+) (-?%d+) ')
    local offered_event, offered_created = string.match(ARGV[i], '^(-?%d+) (-?%d+) ')
    event, created = tonumber(event), tonumber(created)
    offered_event, offered_created = tonumber(offered_event), tonumber(offered_created)
    if not event or offered_event > event
        or (offered_event == event and offered_created >= created) then
        redis.call('SET', key, ARGV[i])
    end
end
"""


class RedisRows(OnlineRows):
    """Rows on a Redis server. A value is `event created layout [tags]`.

    Parameters
    ----------
    url : str
        Address of the server and its database.
    project : str
        Feast's name of the project, which all keys begin with.
    slot : str
        The slot, which the keys begin with too; an empty text where nothing was published.
    """

    def __init__(self, url: str, project: str, slot: str = "") -> None:
        self._url = url
        self._project = f"{project}@{slot}" if slot else project
        self._slot, self._slots = slot, _slots(project)
        # A layout is named by its hash, so it can be cached for good.
        self._layouts: dict[str, tuple[str, ...]] = {}

    def mark_filled(self, group: str) -> None:
        """Mark a group as filled, by a key beside those of its rows."""
        with _connected(self._url, PATIENT_SECONDS) as client:
            client.set(self._filled_mark(group), 1)

    def may_lose_rows(self) -> bool:
        """Tell whether the server drops keys where its memory is full, or did so."""
        with _connected(self._url, READ_SECONDS) as client:
            server = client.info()
        # Our keys never expire, so policies for keys that do leave them alone.
        return bool(
            str(server.get("maxmemory_policy", "allkeys")).startswith("allkeys")
            or server.get("evicted_keys", 1)
        )

    def offer(self, group: str, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer whole rows, some hundreds a script.

        Parameters
        ----------
        group, tags, rows
            As `OnlineRows.offer` takes them.
        """
        return self._offer(group, tags, rows, PATIENT_SECONDS)

    def write(self, group: str, tags: Sequence[str], rows: Sequence[Row]) -> None:
        """Offer a few rows, in the time of a request.

        Parameters
        ----------
        group, tags, rows
            As `OnlineRows.offer` takes them.
        """
        self._offer(group, tags, rows, QUICK_SECONDS)

    def read(self, groups: Sequence[str], ids: Sequence[str]) -> Sequence[Mapping[str, StoredRow]]:
        """Read the rows of customers with one request for all groups.

        A group that was never filled is an error: if Redis lost its rows, those that events wrote
        since are only a part.
        """
        marked = [self._filled_mark(group) for group in groups]
        keys = [mark + (customer_id or RESERVED) for mark in marked for customer_id in ids]
        stored: list[dict[str, StoredRow]] = [{} for _ in groups]
        with _connected(self._url, READ_SECONDS) as client:
            answer = client.mget([*marked, *keys])
            marks, values = answer[: len(groups)], answer[len(groups) :]
            empty = [group for group, mark in zip(groups, marks, strict=True) if mark is None]
            if empty:
                raise not_filled(empty, "on Redis ")
            rows = [None if value is None else value.decode().split(" ", 3) for value in values]
            self._read_layouts(client, {row[2] for row in rows if row is not None})
        for place, row in enumerate(rows):
            if row is not None:
                event, _, layout, array = row
                names = self._layouts[layout]
                stored[place // len(ids)][ids[place % len(ids)]] = StoredRow(
                    int(event), names, array
                )
        return stored

    def count(self, group: str, ids: Sequence[str]) -> int:
        """Count the customers who have a row of a group that was filled.

        Parameters
        ----------
        group, ids
            As `OnlineRows.count` takes them.
        """
        with _connected(self._url, PATIENT_SECONDS) as client:
            if not client.exists(self._filled_mark(group)):
                return 0
            parts = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
            return sum(client.exists(*(self._key(group, name) for name in part)) for part in parts)

    def loaded_groups(self) -> list[str]:
        """List the tag groups that have rows, declared today or not."""
        with _connected(self._url, PATIENT_SECONDS) as client:
            return sorted(name.decode() for name in client.smembers(f"{self._project}:groups"))

    def remove(self, group: str, ids: Sequence[str]) -> list[str]:
        """Delete the rows of customers; return those who had one."""
        with _connected(self._url, PATIENT_SECONDS) as client:
            return [name for name in ids if client.unlink(self._key(group, name))]

    def prepare_groups(self, groups: Iterable[str]) -> None:
        """Skip: keys need no preparation."""

    def drop(self, groups: Iterable[str]) -> None:
        """Delete the rows of tag groups that are gone."""
        with _connected(self._url, PATIENT_SECONDS) as client:
            for group in groups:
                _delete(client, self._filled_mark(group))
                client.srem(f"{self._project}:groups", group)

    def drop_all(self) -> None:
        """Delete everything of the project."""
        with _connected(self._url, PATIENT_SECONDS) as client:
            _delete(client, f"{self._project}:")
            # Last: a slot that is still listed is deleted again after a crash.
            client.srem(self._slots, self._slot)
        self._layouts.clear()

    def scrub(self) -> None:
        """Skip: Redis rewrites its files on disk by itself."""

    def _offer(self, group: str, tags: Sequence[str], rows: Iterable[Row], seconds: float) -> int:
        names = json.dumps(list(tags))
        layout = hashlib.sha256(names.encode()).hexdigest()[:12]
        offered = 0
        with _connected(self._url, seconds) as client:
            with client.pipeline() as first:
                first.sadd(self._slots, self._slot)
                first.sadd(f"{self._project}:groups", group)
                first.hset(f"{self._project}:layouts", layout, names)
                first.execute()
            offer = client.register_script(_OFFER)
            remaining = iter(rows)
            while part := list(islice(remaining, CHUNK)):
                keys = [self._key(group, row[0]) for row in part]
                offer(keys=keys, args=[f"{row[1]} {row[2]} {layout} {row[3]}" for row in part])
                offered += len(part)
        return offered

    def _read_layouts(self, client: Any, layouts: set[str]) -> None:
        new = sorted(layouts - set(self._layouts))
        if new:
            stored = client.hmget(f"{self._project}:layouts", new)
            for layout, names in zip(new, stored, strict=True):
                if names is None:
                    fault = f"on Redis lost the layout {layout} of its rows"
                    raise GuanjiaError("the online store", fault, "run `guanjia materialize`")
                self._layouts[layout] = tuple(json.loads(names))

    def _key(self, group: str, customer_id: str) -> str:
        """Name the key of a row; a blank id has one as well, beside the mark."""
        return self._filled_mark(group) + (customer_id or RESERVED)

    def _filled_mark(self, group: str) -> str:
        """Name the key that marks the group as filled; no row has it."""
        return f"{self._project}:{group}:"


def redis_slots(url: str, project: str) -> list[str]:
    """List the slots that have rows on a Redis server, in order.

    Parameters
    ----------
    url : str
        Address of the server and its database.
    project : str
        Feast's name of the project.

    Raises
    ------
    GuanjiaError
        If the server does not answer.
    """
    with _connected(url, PATIENT_SECONDS) as client:
        listed = {name.decode() for name in client.smembers(_slots(project))}
        # Rows of a release before slots are in no list.
        return sorted(listed | ({""} if client.exists(f"{project}:groups") else set()))


def _slots(project: str) -> str:
    """Name the key of the list of slots; no slot has this name, for each begins with a day."""
    return f"{project}@slots"


@lru_cache
def _client(url: str, seconds: float) -> Any:
    """Return a client with its pool of connections; threads share it."""
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
def _connected(url: str, seconds: float) -> Iterator[Any]:
    """Yield the client; errors of Redis are raised without the URL, which has the password."""
    client = _client(url, seconds)
    import redis

    try:
        yield client
    except redis.RedisError as fault:
        place = client.connection_pool.connection_kwargs
        address = f"{place.get('host', 'its socket')}:{place.get('port', '')}".rstrip(":")
        raise GuanjiaError(
            "the online store",
            f"on Redis at {address} does not answer ({type(fault).__name__})",
            "start Redis, or correct GUANJIA_ONLINE",
        ) from fault


def _delete(client: Any, prefix: str) -> None:
    unlink: Callable[..., Any] = client.unlink
    literal = re.sub(r"([*?\[\]\\])", r"\\\1", prefix)
    keys = client.scan_iter(match=f"{literal}*", count=1000)
    while part := list(islice(keys, CHUNK)):
        unlink(*part)
