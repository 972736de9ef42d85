"""Reach the online rows of a home: where they lie is a setting, and no Feast is needed to ask them.

Feast has the definitions, the history for training and its own ways to these rows; a service that
starts and a request that is answered wait for none of it (`docs/adr/0019-answers-at-once.md`).
"""

import json
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from features.errors import GuanjiaError
from features.instants import microseconds
from features.lake import Lake
from features.online.redis_rows import RedisRows
from features.online.rows import OnlineRows, Stored
from features.online.sqlite_rows import SqliteRows
from features.settings import Settings
from features.tags import catalogue

if TYPE_CHECKING:
    import pyarrow as pa

PROJECT = "guanjia"
"""Feast's name of the project (`features/online/repo/feature_store.yaml`)."""
ON_REDIS = ("redis://", "rediss://", "unix://")
_opened: dict[Settings, OnlineRows] = {}
_lock = threading.Lock()


def online_rows(lake: Lake) -> OnlineRows:
    """Return the rows of a lake's home, opened once a process.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_ONLINE` names no online store.
    """
    with _lock:
        if lake.settings not in _opened:
            _opened[lake.settings] = _open(lake)
        return _opened[lake.settings]


def on_redis(settings: Settings) -> bool:
    """Say whether the rows are on Redis, and not in a file under home.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_ONLINE` names no online store.
    """
    if settings.online != "sqlite" and not settings.online.startswith(ON_REDIS):
        raise GuanjiaError(
            "GUANJIA_ONLINE", "names no online store", "set sqlite, or redis://host:port/database"
        )
    return settings.online != "sqlite"


def stored(
    lake: Lake, groups: Sequence[str], customer_ids: Sequence[str]
) -> Sequence[Mapping[str, Stored]]:
    """Read, for each tag group, the rows of those of the customers who have one, as they lie.

    Parameters
    ----------
    lake : Lake
        Whose rows.
    groups : sequence of str
        Tag groups.
    customer_ids : sequence of str
        Customers, each named once.

    Raises
    ------
    GuanjiaError
        If nothing was materialised yet, or the store does not answer.
    """
    rows = _opened.get(lake.settings)
    return (rows or _filled(lake)).stored(groups, customer_ids)


def push(lake: Lake, group: str, rows: "pa.Table") -> None:
    """Offer rows of a group's tags to the online store; those that are newer there stay.

    Parameters
    ----------
    lake : Lake
        Whose store.
    group : str
        The tag group.
    rows : pyarrow.Table
        As `features.snapshots.group_files.tag_schema` says, one row a customer.

    Raises
    ------
    GuanjiaError
        If nothing was materialised yet, or the store does not answer.
    """
    if rows.num_rows == 0:
        return
    tags = list(catalogue.groups()[group].tags)
    values = zip(*(rows[tag].to_pylist() for tag in tags), strict=True)
    stamps = zip(
        rows["customer_id"].to_pylist(),
        rows["event_timestamp"].to_pylist(),
        rows["created_timestamp"].to_pylist(),
        strict=True,
    )
    offered = [
        (customer, microseconds(event), microseconds(created or event), _array(row))
        for (customer, event, created), row in zip(stamps, values, strict=True)
    ]
    _filled(lake).write(group, tags, offered)


def take_offline(lake: Lake, customer_ids: Sequence[str]) -> dict[str, Counter[str]]:
    """Delete the online rows of customers.

    Returns
    -------
    dict of str to Counter
        Tag group -> how many rows each customer had.

    Raises
    ------
    GuanjiaError
        If the online store does not answer.
    """
    if not _is_filled(lake):
        return {}
    rows = online_rows(lake)
    # Rows of a group that is declared no more are rows of customers all the same.
    groups = dict.fromkeys([*catalogue.groups(), *rows.loaded_groups()])
    return {group: Counter(rows.remove(group, customer_ids)) for group in groups}


def scrub_online(lake: Lake) -> None:
    """Take what was deleted out of the online store's file as well.

    Raises
    ------
    GuanjiaError
        If it is in use all the time.
    """
    if _is_filled(lake):
        online_rows(lake).scrub()


def close(lake: Lake) -> None:
    """Open the rows of a lake anew at the next use."""
    with _lock:
        _opened.pop(lake.settings, None)


def _open(lake: Lake) -> OnlineRows:
    if on_redis(lake.settings):
        return RedisRows(lake.settings.online, PROJECT)
    return SqliteRows(lake.home / "feast" / "online.db", PROJECT)


def _filled(lake: Lake) -> OnlineRows:
    if not _is_filled(lake):
        raise GuanjiaError("the online store", "is empty", "run `guanjia materialize`")
    return online_rows(lake)


def _is_filled(lake: Lake) -> bool:
    return (lake.home / "feast" / "registry.db").exists()


def _array(values: Sequence[Any]) -> str:
    """Write the tags of a row as JSON; no number is null."""
    plain = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    return json.dumps(plain, ensure_ascii=False)
