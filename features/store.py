"""The only door to Feast: definitions, history for training, online rows for serving."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
from feast import FeatureStore
from feast.data_source import PushMode
from feast.errors import FeastObjectNotFoundException, PushSourceNotFoundException

from features.errors import GuanjiaError
from features.feast_home import feast_config
from features.lake import Lake, sql_text
from features.progress import Report, quiet
from features.services import SERVICES, feature_services
from features.settings import Settings, cutoff
from features.snapshots import read_snapshot
from features.tags import catalogue
from features.views import customer, feature_views, push_source

BATCH = 20_000
"""Rows per online transaction: small enough that another writer never waits long."""

_ORDER = "order_of_the_entity_frame"
_ONLINE_ROWS = """
SELECT customer_id, epoch_us(event_timestamp), epoch_us(created_timestamp),
    json_array({tags})::VARCHAR
FROM read_parquet({path})
"""
_opened: dict[Settings, FeatureStore] = {}
_applied: set[Path] = set()
_lock = threading.RLock()


class _FeatureStore(FeatureStore):
    """Feast's own, whose push does not read the registry from disk again each time.

    It would, to see whether a service is to be precomputed, and forget all views it had parsed:
    0.2 s a push. None of ours is.
    """

    def _precompute_for_push(self, *_: Any) -> None:
        pass


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
        If a service names a tag that is not declared.
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


def history(
    lake: Lake, entity_frame: pd.DataFrame, service: str, also: Sequence[str] = ()
) -> pd.DataFrame:
    """The tags of a service as they were known at each row's time.

    Parameters
    ----------
    entity_frame : pandas.DataFrame
        `customer_id`, `event_timestamp` (UTC); other columns pass through.
    service : str
        Name of a feature service, that is of a model.
    also : sequence of str
        Further tags, by name.

    Returns
    -------
    pandas.DataFrame
        The frame's rows, order and index kept, and a column per tag: numbers and booleans as
        float64 (null is NaN), texts as objects (null is None).
    """
    _declared(service)
    with _lock:
        if lake.home not in _applied:
            apply(lake)
    store = _store(lake)
    names = _tag_names(_service(store, service))
    names = list(dict.fromkeys([*names, *also]))
    asked = entity_frame[["customer_id", "event_timestamp"]].reset_index(drop=True)
    asked[_ORDER] = range(len(asked))
    asked["event_timestamp"] = pd.to_datetime(asked["event_timestamp"], utc=True).astype(
        "datetime64[us, UTC]"
    )
    # Feast lets rows that were backfilled later leak in unless told otherwise.
    found = store.get_historical_features(
        asked, _references(names), filter_by_created_timestamp=True
    ).to_arrow()
    found = found.sort_by(_ORDER)
    declared = catalogue.catalogue()
    tags = {name: _column(found[name], declared[name].type) for name in names}
    # Without the copy that gathers columns of a type into one block: it costs as much as the join.
    found_tags = pd.DataFrame(tags, index=entity_frame.index, copy=False)
    return pd.concat([entity_frame, found_tags], axis=1)


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
    rows = dict.fromkeys(groups, 0)
    total = snapshot.customers * len(files)
    for name, path in files.items():
        view = store.get_feature_view(name)
        tags = list(groups[name].tags)
        found = lake.engine.con.cursor().execute(
            _ONLINE_ROWS.format(tags=", ".join(f'"{tag}"' for tag in tags), path=sql_text(path))
        )
        while batch := found.fetchmany(BATCH):
            rows[name] += online_store.load(store.config, view, tags, batch)
            report("materialize", sum(rows.values()), total)
    return Materialized(as_of, rows)


def push(lake: Lake, group: str, rows: pa.Table) -> None:
    """Offer rows of a group's tags to the online store; those that are newer there stay.

    Parameters
    ----------
    rows : pyarrow.Table
        As `features.group_files.tag_schema` says, one row a customer.

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


def online(
    lake: Lake, customer_ids: Sequence[str], service: str | Sequence[str]
) -> list[dict[str, Any]]:
    """The tags of some customers, in the order asked; never writes.

    Parameters
    ----------
    service : str or sequence of str
        Name of a feature service, or names of tags.

    Returns
    -------
    list[dict[str, object]]
        A row per id: `customer_id`, `known`, `freshness`, `as_of`, then the tags by name. An
        unknown customer has `known` False and None everywhere else. `freshness` is the oldest
        event timestamp (UTC) among the views read, `as_of` the civil date that ended then.

    Raises
    ------
    GuanjiaError
        If nothing was materialised yet, or the service or a tag is not declared.
    """
    if not customer_ids:
        return []
    if isinstance(service, str):
        _declared(service)
    if not (lake.home / "feast" / "registry.db").exists():
        raise GuanjiaError("the online store", "is empty", "run `guanjia materialize`")
    store = _store(lake)
    wanted = _service(store, service) if isinstance(service, str) else _references(service)
    answer = store.get_online_features(wanted, {"customer_id": list(customer_ids)})
    # Feast answers an unknown customer with nulls and the status PRESENT; only the timestamp tells.
    found = {
        name: [stamp.seconds for stamp in vector.event_timestamps]
        for name, vector in zip(
            answer.proto.metadata.feature_names.val, answer.proto.results, strict=True
        )
        if name != "customer_id"
    }
    values = answer.to_dict()
    zone = ZoneInfo(lake.settings.timezone)
    rows = []
    for i, customer_id in enumerate(customer_ids):
        stamps = [at[i] for at in found.values() if at[i] > 0]
        oldest = datetime.fromtimestamp(min(stamps), UTC) if stamps else None
        row = {
            "customer_id": customer_id,
            "known": oldest is not None,
            "freshness": oldest,
            "as_of": oldest and (oldest - timedelta(seconds=1)).astimezone(zone).date(),
        }
        rows.append(row | {name: values[name][i] for name in found})
    return rows


def forget(lake: Lake) -> None:
    """Open the registry and the stores of a lake anew at the next use."""
    with _lock:
        _opened.pop(lake.settings, None)
        _applied.discard(lake.home)


def _store(lake: Lake) -> FeatureStore:
    """The cached Feast object of a lake; opening one costs far more than a read."""
    with _lock:
        if lake.settings not in _opened:
            _opened[lake.settings] = _FeatureStore(config=feast_config(lake))
        return _opened[lake.settings]


def _service(store: FeatureStore, name: str) -> Any:
    try:
        return store.get_feature_service(name, allow_cache=True)
    except FeastObjectNotFoundException:
        raise GuanjiaError(
            f"service {name}", "is not in the registry", "run `guanjia materialize`"
        ) from None


def _declared(name: str) -> None:
    if name not in SERVICES:
        near = get_close_matches(name, SERVICES, n=1) or list(SERVICES)
        raise GuanjiaError(f"service {name}", "is not declared", f"use one of {near}")


def _references(tags: Sequence[str]) -> list[str]:
    declared = catalogue.catalogue()
    for tag in tags:
        if tag not in declared:
            near = get_close_matches(tag, declared, n=3)
            raise GuanjiaError(
                f"tag {tag}", "is not declared", f"use one of {near or 'docs/tags.md'}"
            )
    return [f"{declared[tag].group}:{tag}" for tag in tags]


def _column(column: pa.ChunkedArray, type_: str) -> Any:
    """Text as objects, everything else as float64 with NaN for null."""
    if type_ == "string":
        return column.cast(pa.string()).to_pandas().to_numpy(dtype=object)
    # Arrow casts no boolean to a float at once.
    whole = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    return whole.cast(pa.float64()).to_pandas().to_numpy()


def _tag_names(service: Any) -> list[str]:
    return [one.name for view in service.feature_view_projections for one in view.features]
