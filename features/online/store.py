"""Read, push and delete the online rows of a home without Feast; a setting names the store.

Feast has the definitions, the history for training and an adapter to these rows. Neither the start
of a service nor a request waits for it (`docs/adr/0019-answers-at-once.md`).
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
from features.online.rows import OnlineRows, StoredRow
from features.online.sqlite_rows import SqliteRows
from features.settings import Settings
from features.tags import catalogue

if TYPE_CHECKING:
    import pyarrow as pa

PROJECT = "guanjia"
"""Feast's name of the project (`features/online/repo/feature_store.yaml`)."""
STAMPS = ("customer_id", "as_of", "event_timestamp", "created_timestamp")
"""Columns of computed rows beside their tags."""
ON_REDIS = ("redis://", "rediss://", "unix://")
_opened: dict[Settings, OnlineRows] = {}
_lock = threading.Lock()


def online_rows(lake: Lake) -> OnlineRows:
    """Return the online rows of a home, opened once a process.

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
    """Tell whether the rows are on Redis, not in a file under home.

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


def read_rows(
    lake: Lake, groups: Sequence[str], customer_ids: Sequence[str]
) -> Sequence[Mapping[str, StoredRow]]:
    """Read the packed rows of customers, for each tag group by customer id; some may have no row.

    Parameters
    ----------
    lake : Lake
        Its settings name the online store.
    groups : sequence of str
        Tag groups.
    customer_ids : sequence of str
        Customers, each once.

    Raises
    ------
    GuanjiaError
        If nothing was materialised yet, or the store does not answer.
    """
    rows = _opened.get(lake.settings)
    return (rows or _filled(lake)).read(groups, customer_ids)


def push(lake: Lake, group: str, rows: "pa.Table") -> None:
    """Offer rows of a group's tags to the online store; rows that are newer there stay.

    Parameters
    ----------
    lake : Lake
        Its settings name the online store.
    group : str
        The tag group, or `features.online.contact_details.CONTACT_DETAILS`.
    rows : pyarrow.Table
        One row a customer: `STAMPS`, and a column a tag.

    Raises
    ------
    GuanjiaError
        If nothing was materialised yet, or the store does not answer.
    """
    if rows.num_rows == 0:
        return
    tags = [name for name in rows.column_names if name not in STAMPS]
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
        Tag group -> number of rows each customer had.

    Raises
    ------
    GuanjiaError
        If the online store does not answer.
    """
    if not _is_filled(lake):
        return {}
    rows = online_rows(lake)
    # Rows of a group that is no longer declared are deleted as well.
    groups = dict.fromkeys([*catalogue.groups(), *rows.loaded_groups()])
    return {group: Counter(rows.remove(group, customer_ids)) for group in groups}


def scrub_online(lake: Lake) -> None:
    """Scrub deleted rows from the online store's file.

    Raises
    ------
    GuanjiaError
        If other processes use the file all the time.
    """
    if _is_filled(lake):
        online_rows(lake).scrub()


def close(lake: Lake) -> None:
    """Close the rows of a lake; the next use opens them anew."""
    with _lock:
        _opened.pop(lake.settings, None)


def _open(lake: Lake) -> OnlineRows:
    if on_redis(lake.settings):
        return RedisRows(lake.settings.online, PROJECT)
    return SqliteRows(lake.home / "feast" / "online.db", PROJECT)


def _filled(lake: Lake) -> OnlineRows:
    if not _is_filled(lake):
        fault = "is empty: no snapshot was loaded into it"
        raise GuanjiaError("the online store", fault, "run `guanjia materialize`")
    return online_rows(lake)


def _is_filled(lake: Lake) -> bool:
    return (lake.home / "feast" / "registry.db").exists()


def _array(values: Sequence[Any]) -> str:
    """Write the tags of a row as JSON; NaN becomes null."""
    plain = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    return json.dumps(plain, ensure_ascii=False)
