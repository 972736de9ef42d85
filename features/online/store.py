"""Read, push and delete the online rows of a home without Feast; a setting names the store.

The rows of a day have a *slot* of their own, so that one day is loaded while another one is read: a
file `feast/online-<slot>.db`, or on Redis keys that begin with the slot. The pointer of the home
names the slot that is live (`features.lake.pointer`). Before anything is published the slot is the
empty text, with the file `feast/online.db`.

Feast has the definitions, the history for training and an adapter to these rows. Neither the start
of a service nor a request waits for it (`docs/adr/0019-answers-at-once.md`).
"""

import json
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import GuanjiaError
from features.instants import microseconds
from features.lake import Lake
from features.online.redis_rows import RedisRows, redis_slots
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
MOST_OPEN = 2
"""Slots of a home that a process keeps open: the live one, and the one that is loaded."""
_opened: dict[tuple[Settings, str], OnlineRows] = {}
_lock = threading.Lock()


def online_rows(lake: Lake) -> OnlineRows:
    """Return the online rows of a lake's slot, opened once a process.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_ONLINE` names no online store.
    """
    return rows_of_slot(lake.settings, lake.slot)


def rows_of_slot(settings: Settings, slot: str) -> OnlineRows:
    """Return the online rows of a slot, opened once a process.

    Parameters
    ----------
    settings : Settings
        Name the home and its store.
    slot : str
        The slot; an empty text for the one of a home that has published nothing.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_ONLINE` names no online store.
    """
    with _lock:
        rows = _opened.pop((settings, slot), None) or _open(settings, slot)
        _opened[settings, slot] = rows
        # A service lives for many days: files of slots that are gone must not stay open.
        of_home = [key for key in _opened if key[0] == settings]
        for key in of_home[:-MOST_OPEN]:
            del _opened[key]
        return rows


def slots(settings: Settings) -> list[str]:
    """List the slots that have rows, live or not, in order.

    Raises
    ------
    GuanjiaError
        If the online store does not answer.
    """
    if on_redis(settings):
        return redis_slots(settings.online, PROJECT)
    names = (path.stem for path in (settings.home / "feast").glob("online*.db"))
    return sorted(name.removeprefix("online").removeprefix("-") for name in names)


def drop_slot(settings: Settings, slot: str) -> None:
    """Delete the rows of a slot that is not live.

    Raises
    ------
    GuanjiaError
        If the online store does not answer.
    """
    rows_of_slot(settings, slot).drop_all()
    with _lock:
        _opened.pop((settings, slot), None)


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
    rows = _opened.get((lake.settings, lake.slot))
    return (rows or _filled(lake)).read(groups, customer_ids)


def may_lose_rows(lake: Lake) -> bool:
    """Tell whether the online store itself may have dropped single rows.

    Parameters
    ----------
    lake : Lake
        Its settings name the online store.

    Raises
    ------
    GuanjiaError
        If the store does not answer.
    """
    return online_rows(lake).may_lose_rows()


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


def take_offline(
    lake: Lake, customer_ids: Sequence[str], *, everywhere: bool = False
) -> dict[str, Counter[str]]:
    """Delete the online rows of customers.

    Parameters
    ----------
    lake : Lake
        Its settings name the online store.
    customer_ids : sequence of str
        The customers.
    everywhere : bool
        Whether to delete them from every slot, not from the lake's alone.

    Returns
    -------
    dict of str to Counter
        Tag group -> number of rows each customer had.

    Raises
    ------
    GuanjiaError
        If the online store does not answer.
    """
    gone: dict[str, Counter[str]] = {}
    if not _is_filled(lake):
        return gone
    for slot in slots(lake.settings) if everywhere else [lake.slot]:
        rows = rows_of_slot(lake.settings, slot)
        # Rows of a group that is no longer declared are deleted as well.
        for group in dict.fromkeys([*catalogue.groups(), *rows.loaded_groups()]):
            gone.setdefault(group, Counter()).update(rows.remove(group, customer_ids))
    return gone


def scrub_online(lake: Lake) -> None:
    """Scrub deleted rows from the files of every slot.

    Raises
    ------
    GuanjiaError
        If other processes use a file all the time.
    """
    if _is_filled(lake):
        for slot in slots(lake.settings):
            rows_of_slot(lake.settings, slot).scrub()


def close(lake: Lake) -> None:
    """Close the rows of a lake, whatever their slot; the next use opens them anew."""
    with _lock:
        for key in [key for key in _opened if key[0] == lake.settings]:
            del _opened[key]


def slot_file(home: Path, slot: str) -> Path:
    """Return the SQLite file of a slot."""
    return home / "feast" / (f"online-{slot}.db" if slot else "online.db")


def _open(settings: Settings, slot: str) -> OnlineRows:
    if on_redis(settings):
        return RedisRows(settings.online, PROJECT, slot)
    return SqliteRows(slot_file(settings.home, slot), PROJECT)


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
