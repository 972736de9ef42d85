"""The only door to Feast: definitions, history for training, loading and pushing online rows.

What reads the online rows: `features.online.reader`.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from feast import FeatureStore
from feast.data_source import PushMode
from feast.errors import FeastObjectNotFoundException, PushSourceNotFoundException

from features.erased import Erased
from features.erasure.customer_files import customers_in
from features.errors import GuanjiaError, unknown_name
from features.lake import Lake
from features.online.feast_home import feast_config
from features.online.rows import PackedOnlineStore, Stored
from features.online.views import customer, feature_services, feature_views, push_source
from features.progress import Report, quiet
from features.settings import Settings, cutoff
from features.snapshots.group_files import require_computed
from features.snapshots.snapshots import read_snapshot
from features.sql import sql_text
from features.tags import catalogue

BATCH = 20_000
"""Rows per online transaction: small enough that another writer never waits long."""

_ORDER = "order_of_the_entity_frame"
_ONLINE_ROWS = """
SELECT customer_id, epoch_us(event_timestamp), epoch_us(created_timestamp),
    json_array({tags})::VARCHAR
FROM read_parquet({path})
"""
_opened: dict[Settings, "_FeatureStore"] = {}
_applied: set[Path] = set()
_lock = threading.RLock()


class _FeatureStore(FeatureStore):
    """Feast's own, whose push does not read the registry from disk again each time.

    It would, to see whether a service is to be precomputed, and forget all views it had parsed:
    0.2 s a push. None of ours is.
    """

    def _precompute_for_push(self, *_: Any) -> None:
        pass

    @cached_property
    def views(self) -> dict[str, Any]:
        """The views by name, as the registry had them when this was opened."""
        return {view.name: view for view in self.list_feature_views(allow_cache=True)}


@dataclass(frozen=True)
class Materialized:
    """What one load offered to the online store; rows that are newer there stay."""

    as_of: date
    rows: dict[str, int]


def apply(lake: Lake) -> None:
    """Write entity, views and services into the registry; what is no longer declared goes.

    Raises
    ------
    GuanjiaError
        If a tag set has a tag that is not declared.
    """
    views = feature_views(lake.home, catalogue.groups(), lake.settings.offline)
    services = feature_services(views)
    with _lock:
        _opened.pop(lake.settings, None)
        store = _store(lake)
        keep = {view.name for view in views} | {service.name for service in services}
        old: list[Any] = [
            *store.registry.list_feature_views("guanjia"),
            *store.registry.list_feature_services("guanjia"),
        ]
        gone = [one for one in old if one.name not in keep]
        store.apply([customer(), *views, *services], objects_to_delete=gone, partial=not gone)
        _applied.add(lake.home)


def history(lake: Lake, entity_frame: pd.DataFrame, tags: Sequence[str]) -> pd.DataFrame:
    """Read tags as they were known at each row's time.

    Parameters
    ----------
    lake : Lake
        Where the histories lie.
    entity_frame : pandas.DataFrame
        `customer_id`, `event_timestamp` (UTC); other columns pass through.
    tags : sequence of str
        Their names; one that comes twice is one column.

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
    names = list(dict.fromkeys(tags))
    known = tags_at(lake, entity_frame, names)
    columns = {name: known[name].to_pandas().to_numpy() for name in names}
    # Without the copy that gathers columns of a type into one block: it costs as much as the join.
    joined = pd.DataFrame(columns, index=entity_frame.index, copy=False)
    return pd.concat([entity_frame, joined], axis=1)


def tags_at(lake: Lake, moments: pd.DataFrame, names: Sequence[str]) -> pa.Table:
    """Read tags as they were known of customers at moments.

    Parameters
    ----------
    lake : Lake
        Whose tags.
    moments : pandas.DataFrame
        `customer_id` and `event_timestamp` (UTC) of each row.
    names : sequence of str
        The tags.

    Returns
    -------
    pyarrow.Table
        A column per tag, rows in the order given: texts as strings, all others as float64.

    Raises
    ------
    UnknownNameError
        If a tag is not declared.
    GuanjiaError
        If a history there was computed without one of these tags.
    """
    declared = catalogue.catalogue()
    for name in names:
        if name not in declared:
            raise unknown_name("tag", name, declared)
    require_computed(lake, names)
    with _lock:
        if lake.home not in _applied:
            apply(lake)
    asked = moments[["customer_id", "event_timestamp"]].reset_index(drop=True)
    asked[_ORDER] = range(len(asked))
    asked["event_timestamp"] = pd.to_datetime(asked["event_timestamp"], utc=True).astype(
        "datetime64[us, UTC]"
    )
    # Feast lets rows that were backfilled later leak in unless told otherwise.
    known = _store(lake).get_historical_features(
        asked,
        [f"{declared[name].group}:{name}" for name in names],
        filter_by_created_timestamp=True,
    )
    table = known.to_arrow().sort_by(_ORDER)
    return pa.table({name: _column(table[name], declared[name].type) for name in names})


def materialize(lake: Lake, as_of: date, report: Report = quiet, *, now: datetime) -> Materialized:
    """Load the snapshot of a date into the online store.

    Idempotent and safe to kill: each batch is one transaction, and the store keeps a row that is
    newer than the one offered. The snapshot is read directly, so histories never get online.

    Parameters
    ----------
    now : datetime
        The time it is; a date that is not over then is refused.

    Raises
    ------
    GuanjiaError
        If the date has no snapshot, or a file of it is not the one it binds; or if it is not over:
        its rows would keep out every event until then.
    """
    end = cutoff(as_of, lake.settings.timezone)
    if end > now + timedelta(seconds=lake.settings.clock_skew_seconds):
        raise GuanjiaError(
            f"snapshot of {as_of}",
            f"is of a day that ends at {end:%Y-%m-%d %H:%M} UTC, and now it is "
            f"{now.astimezone(UTC):%Y-%m-%d %H:%M}",
            "wait until the day is over; for a simulated insurer say what time it is there with "
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
    files = {name: lake.home / snapshot.files[name]["path"] for name in groups}
    apply(lake)
    store = _store(lake)
    online_store: Any = store._get_provider().online_store
    # A snapshot of before an erasure must not bring anybody back.
    erased = Erased(lake.settings)
    gone = erased.among(customers_in(files[next(iter(groups))])) if erased else set()
    rows = dict.fromkeys(groups, 0)
    total = snapshot.customers * len(files)
    for name, path in files.items():
        view = store.get_feature_view(name)
        tags = list(groups[name].tags)
        found = lake.con.cursor().execute(
            _ONLINE_ROWS.format(tags=", ".join(f'"{tag}"' for tag in tags), path=sql_text(path))
        )
        while batch := found.fetchmany(BATCH):
            if gone:
                batch = [row for row in batch if row[0] not in gone]
            rows[name] += online_store.load(store.config, view, tags, batch)
            report("materialize", sum(rows.values()), total)
    return Materialized(as_of, rows)


def push(lake: Lake, group: str, rows: pa.Table) -> None:
    """Offer rows of a group's tags to the online store; those that are newer there stay.

    Parameters
    ----------
    rows : pyarrow.Table
        As `features.snapshots.group_files.tag_schema` says, one row a customer.

    Raises
    ------
    GuanjiaError
        If the registry does not know the group as it is declared now.
    """
    if rows.num_rows == 0:
        return
    store, cure = _store(lake), "run `guanjia materialize`"
    if not (lake.home / "feast" / "registry.db").exists():
        raise GuanjiaError("the online store", "is empty", cure)
    frame = rows.drop_columns(["as_of"]).to_pandas(types_mapper=pd.ArrowDtype)
    tags = list(catalogue.groups()[group].tags)
    try:
        if all(rows[tag].null_count == rows.num_rows for tag in tags):
            # Feast passes over rows of nothing but nulls; but a consent that was withdrawn must
            # take its tags offline.
            view = store.get_feature_view(group, allow_registry_cache=True)
            store._get_provider().ingest_df(view, frame)
        else:
            store.push(push_source(group), frame, to=PushMode.ONLINE)
    except (PushSourceNotFoundException, FeastObjectNotFoundException, KeyError) as fault:
        fault_told = f"does not know the tags of {group} as they are declared now"
        raise GuanjiaError("the registry", fault_told, cure) from fault


def stored(
    lake: Lake, groups: Sequence[str], customer_ids: Sequence[str]
) -> Sequence[Mapping[str, Stored]]:
    """Of each tag group the online rows as they lie, of those of the customers who have one.

    Raises
    ------
    GuanjiaError
        If nothing was materialised yet, or the registry does not know a group.
    """
    opened = _opened.get(lake.settings)
    if opened is None:
        if not (lake.home / "feast" / "registry.db").exists():
            raise GuanjiaError("the online store", "is empty", "run `guanjia materialize`")
        opened = _store(lake)
    rows = cast("PackedOnlineStore", opened._get_provider().online_store)
    for group in groups:
        if group not in opened.views:
            fault = f"does not know the tags of {group}"
            raise GuanjiaError("the registry", fault, "run `guanjia materialize`")
    return rows.stored(opened.config, [opened.views[group] for group in groups], customer_ids)


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
    if not (lake.home / "feast" / "registry.db").exists():
        return {}
    opened = _store(lake)
    rows = cast("PackedOnlineStore", opened._get_provider().online_store)
    views = opened.views.items()
    return {name: Counter(rows.remove(opened.config, view, customer_ids)) for name, view in views}


def scrub_online(lake: Lake) -> None:
    """Take what was deleted out of the online store's file as well.

    Raises
    ------
    GuanjiaError
        If it is in use all the time.
    """
    if (lake.home / "feast" / "registry.db").exists():
        opened = _store(lake)
        cast("PackedOnlineStore", opened._get_provider().online_store).scrub(opened.config)


def forget(lake: Lake) -> None:
    """Open the registry and the stores of a lake anew at the next use."""
    with _lock:
        _opened.pop(lake.settings, None)
        _applied.discard(lake.home)


def _store(lake: Lake) -> _FeatureStore:
    """The cached Feast object of a lake; opening one costs far more than a read."""
    with _lock:
        if lake.settings not in _opened:
            _opened[lake.settings] = _FeatureStore(config=feast_config(lake))
        return _opened[lake.settings]


def _column(column: pa.ChunkedArray, type_: str) -> pa.ChunkedArray:
    """Text as strings, everything else as float64."""
    if type_ == "string":
        return column.cast(pa.string())
    # Arrow casts no boolean to a float at once.
    whole = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    return whole.cast(pa.float64())
