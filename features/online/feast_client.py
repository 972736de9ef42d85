"""Feast client: register definitions, read history for training, load a snapshot online.

The online rows themselves are read and written by `features.online.store`.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from features.erased import Erased
from features.erasure.customer_files import customers_in
from features.errors import GuanjiaError, unknown_name
from features.lake import Lake
from features.lake.merged_numbers import latest_owners
from features.online.contact_details import CONTACT_DETAILS
from features.online.detail_queries import load_details
from features.online.registered import is_registered, note_registered
from features.online.store import close, online_rows, take_offline
from features.progress import Report, quiet
from features.progress_bar import hide_progress_bar
from features.settings import Settings, cutoff
from features.snapshots.group_files import require_computed
from features.snapshots.snapshots import read_snapshot
from features.sql import sql_text
from features.tags import catalogue

if TYPE_CHECKING:
    # A load of rows waits neither for Feast nor for pandas, where the registry is as it should be.
    import pandas as pd

    from features.online.feast_api import FeatureStore

BATCH = 20_000
"""Rows per online transaction: small enough that another writer never waits long."""

_ORDER = "order_of_the_entity_frame"
_ONLINE_ROWS = """
SELECT customer_id, epoch_us(event_timestamp), epoch_us(created_timestamp),
    json_array({tags})::VARCHAR
FROM read_parquet({path})
"""
_opened: dict[tuple[Settings, str], "FeatureStore"] = {}
_applied: set[Path] = set()
_lock = threading.RLock()


@dataclass(frozen=True)
class MaterializedRows:
    """Rows that one load offered to the online store, by tag group; newer rows there stay."""

    as_of: date
    rows: dict[str, int]


def apply(lake: Lake) -> None:
    """Write entity, views and services into the registry; remove those no longer declared.

    Raises
    ------
    GuanjiaError
        If a tag set has a tag that is not declared.
    """
    from features.online.views import customer, feature_services, feature_views

    views = feature_views(lake.home, catalogue.groups(), lake.settings.offline)
    services = feature_services(views)
    with _lock:
        _opened.pop((lake.settings, lake.slot), None)
        store = _store(lake)
        keep = {view.name for view in views} | {service.name for service in services}
        old: list[Any] = [
            *store.registry.list_feature_views("guanjia"),
            *store.registry.list_feature_services("guanjia"),
        ]
        gone = [definition for definition in old if definition.name not in keep]
        store.apply([customer(), *views, *services], objects_to_delete=gone, partial=not gone)
        _applied.add(lake.home)
        note_registered(lake)


def history(lake: Lake, entity_frame: "pd.DataFrame", tags: Sequence[str]) -> "pd.DataFrame":
    """Read tags as they were known at each row's time.

    Parameters
    ----------
    lake : Lake
        The home of the histories.
    entity_frame : pandas.DataFrame
        `customer_id`, `event_timestamp` (UTC); other columns pass through.
    tags : sequence of str
        Names of the catalogue; a repeated name gives one column.

    Returns
    -------
    pandas.DataFrame
        The frame's rows, order and index kept, and a column per tag: numbers and booleans as
        float64 (null is NaN), texts as objects (null is None).

    Raises
    ------
    GuanjiaError
        As `tags_at`.
    """
    import pandas as pd

    names = list(dict.fromkeys(tags))
    known = tags_at(lake, entity_frame, names)
    columns = {name: known[name].to_pandas().to_numpy() for name in names}
    # copy=False: gathering the columns of a type into one block costs as much as the join.
    joined = pd.DataFrame(columns, index=entity_frame.index, copy=False)
    return pd.concat([entity_frame, joined], axis=1)


def tags_at(lake: Lake, moments: "pd.DataFrame", names: Sequence[str]) -> pa.Table:
    """Read the tags of customers as they were known at instants.

    Parameters
    ----------
    lake : Lake
        The home of the histories.
    moments : pandas.DataFrame
        `customer_id` and `event_timestamp` (UTC), one row per customer and instant.
    names : sequence of str
        Names of the catalogue, each once.

    Returns
    -------
    pyarrow.Table
        A column per tag, rows in the order of `moments`: texts as strings, others as float64.

    Raises
    ------
    UnknownNameError
        If a tag is not declared.
    GuanjiaError
        If a history was computed without one of these tags.
    """
    import pandas as pd

    declared = catalogue.catalogue()
    for name in names:
        if name not in declared:
            raise unknown_name("tag", name, declared)
    require_computed(lake, names)
    with _lock:
        if lake.home not in _applied:
            apply(lake)
    frame = moments[["customer_id", "event_timestamp"]].reset_index(drop=True)
    frame[_ORDER] = range(len(frame))
    frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], utc=True).astype(
        "datetime64[us, UTC]"
    )
    # By default Feast also returns rows that were backfilled later: they would leak.
    known = _store(lake).get_historical_features(
        frame,
        [f"{declared[name].group}:{name}" for name in names],
        filter_by_created_timestamp=True,
    )
    table = known.to_arrow().sort_by(_ORDER)
    return pa.table({name: plain_column(table[name], declared[name].type) for name in names})


def materialize(
    lake: Lake, as_of: date, report: Report = quiet, *, now: datetime
) -> MaterializedRows:
    """Load the snapshot of a date into the online store.

    Idempotent and safe to kill: each batch is one transaction, and the store keeps a row that is
    newer than the one offered. The snapshot is read directly, so histories never get online.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot; its settings name the online store.
    as_of : date
        The snapshot's date.
    report : Report
        Progress: called with a step, rows done and rows in all.
    now : datetime
        The current time; a date that is not over by then is refused.

    Raises
    ------
    GuanjiaError
        If the date has no snapshot, or a file is not the one that the snapshot binds; or if the
        date is not over: its rows would keep out every event until then.
    """
    end = cutoff(as_of, lake.settings.timezone)
    if end > now + timedelta(seconds=lake.settings.clock_skew_seconds):
        raise GuanjiaError(
            f"snapshot of {as_of}",
            f"is of a day that ends at {end:%Y-%m-%d %H:%M} UTC, and now it is "
            f"{now.astimezone(UTC):%Y-%m-%d %H:%M}",
            "wait until the day is over; for a simulated insurer give its current time with "
            "--now or GUANJIA_NOW",
        )
    snapshot = read_snapshot(lake, as_of, verify=True)
    groups = catalogue.groups()
    missing = [name for name in groups if name not in snapshot.files]
    if missing:
        raise GuanjiaError(
            f"snapshot of {as_of}",
            f"has no tags of {', '.join(missing)}",
            f"run `guanjia tags --as-of {as_of}`",
        )
    files = {name: lake.data / snapshot.files[name]["path"] for name in groups}
    if not is_registered(lake):
        apply(lake)
    online = online_rows(lake)
    online.prepare_groups(list(groups))
    # A snapshot from before an erasure must not bring an erased customer back.
    erased = Erased(lake.settings)
    gone = erased.among(customers_in(files[next(iter(groups))])) if erased else set()
    # A number that was given up must not be contacted beside the one that goes on.
    if merged := sorted(latest_owners(lake, end)):
        take_offline(lake, merged)
    rows = dict.fromkeys(groups, 0)
    total = snapshot.customers * len(files)
    for name, path in files.items():
        tags = list(groups[name].tags)
        cursor = lake.con.cursor().execute(
            _ONLINE_ROWS.format(tags=", ".join(f'"{tag}"' for tag in tags), path=sql_text(path))
        )
        while batch := cursor.fetchmany(BATCH):
            if gone:
                batch = [row for row in batch if row[0] not in gone]
            rows[name] += online.offer(name, tags, batch)
            report("materialize", sum(rows.values()), total)
        online.mark_filled(name)
    if lake.has("customers"):
        rows[CONTACT_DETAILS] = load_details(lake, as_of, gone)
    return MaterializedRows(as_of, rows)


def forget(lake: Lake) -> None:
    """Close the registry and the stores of a lake; the next use opens them anew."""
    with _lock:
        for key in [key for key in _opened if key[0] == lake.settings]:
            del _opened[key]
        _applied.discard(lake.home)
    close(lake)


def _store(lake: Lake) -> "FeatureStore":
    """Return the cached Feast object of a lake; opening one costs far more than a read."""
    import ibis

    from features.online.feast_api import FeatureStore
    from features.online.feast_home import feast_config

    with _lock:
        key = lake.settings, lake.slot
        if key not in _opened:
            _opened[key] = FeatureStore(config=feast_config(lake))
            # Feast reads histories by the engine that Ibis opens by default.
            hide_progress_bar(ibis.get_backend().con)
        return _opened[key]


def plain_column(column: pa.ChunkedArray, type_: str) -> pa.ChunkedArray:
    """Cast text to strings, everything else to float64."""
    if type_ == "string":
        return column.cast(pa.string())
    # Arrow casts no boolean to a float at once.
    number = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    return number.cast(pa.float64())
