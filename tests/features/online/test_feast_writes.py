"""Push, write, materialise, tear down and apply again, on Feast's own SQLite store and on ours."""

import asyncio
import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from feast import FeatureStore, Field, OnDemandFeatureView, RequestSource
from feast.data_source import PushMode
from feast.protos.feast.types.Value_pb2 import Value
from feast.transformation.python_transformation import PythonTransformation
from feast.types import Int64
from feast_stores import (
    AT,
    NOT_FOUND,
    PRESENT,
    entity,
    feature_view,
    frame,
    numbers,
    one_number,
    online,
    read,
    text_key,
    write_file,
)

from features.online.redis_store import RedisOnlineStoreConfig

EXPERIMENTAL = pytest.mark.filterwarnings("ignore:On demand feature view is an:RuntimeWarning")
LATER, EARLIER = AT + timedelta(hours=1), AT - timedelta(hours=1)


def test_a_view_that_was_applied_and_not_written_has_nobody(store: FeatureStore) -> None:
    one_number(store)
    assert read(store, ["view:number"], customer_id=["C1"])["number"] == [(None, NOT_FOUND)]


def test_rows_that_are_pushed_are_read(store: FeatureStore) -> None:
    one_number(store)
    store.push("view_push", frame(customer_id=["C1", "C2"], number=[1, 2]), to=PushMode.ONLINE)
    assert numbers(store, "C2", "C3", "C1") == [2, None, 1]
    store.push("view_push", frame(LATER, customer_id=["C1"], number=[3]))
    assert numbers(store, "C1", "C2") == [3, 2]


def test_rows_without_a_time_zone_are_of_utc(ours: FeatureStore) -> None:
    one_number(ours)
    ours.write_to_online_store("view", frame(AT, customer_id=["C1"], number=[1]))
    naive = LATER.replace(tzinfo=None)
    ours.write_to_online_store("view", frame(naive, customer_id=["C1"], number=[2]))
    ours.write_to_online_store("view", frame(AT, customer_id=["C1"], number=[3]))
    assert numbers(ours, "C1") == [2]


def test_a_file_is_materialised(store: FeatureStore) -> None:
    one_number(store)
    write_file(store, frame(customer_id=["C1", "C2"], number=[1, 2]))
    store.materialize(EARLIER, LATER)
    assert numbers(store, "C2", "C1", "C3") == [2, 1, None]
    times = store.get_online_features(["view:number"], {"customer_id": ["C1"]}).proto.results
    assert times[1].event_timestamps[0].ToDatetime(UTC) == AT


def test_a_file_is_materialised_in_steps_and_agrees_with_its_history(store: FeatureStore) -> None:
    one_number(store)
    rows = [frame(at, customer_id=["C1"], number=[number]) for at, number in
            ((EARLIER, 1), (AT, 2), (LATER, 3))]  # fmt: skip
    write_file(store, pd.concat(rows))
    store.materialize(EARLIER - timedelta(hours=1), EARLIER)  # from here on, step by step
    for end, number in ((AT - timedelta(minutes=1), 1), (AT, 2), (LATER, 3)):
        store.materialize_incremental(end)
        asked = pd.DataFrame({"customer_id": ["C1"], "event_timestamp": [end]})
        history = store.get_historical_features(asked, ["view:number"]).to_df()
        assert numbers(store, "C1") == history["number"].tolist() == [number]


def test_reading_and_writing_asynchronously_is_refused(store: FeatureStore) -> None:
    one_number(store)
    for call in (
        store.get_online_features_async(["view:number"], {"customer_id": ["C1"]}),
        store.push_async("view_push", frame(customer_id=["C1"], number=[1])),
    ):
        with pytest.raises(NotImplementedError, match=r"does not support online .* async"):
            asyncio.run(call)


def test_what_is_older_than_its_time_to_live_is_still_read_online(store: FeatureStore) -> None:
    """The view lives for a day; Feast ignores that online, and so must whoever reads."""
    one_number(store)
    old = datetime(2020, 1, 1, tzinfo=UTC)
    store.write_to_online_store("view", frame(old, customer_id=["C1"], number=[1]))
    assert read(store, ["view:number"], customer_id=["C1"])["number"] == [(1, PRESENT)]


def test_a_time_to_live_in_the_settings_is_refused() -> None:
    """Keys that vanish one by one would make known customers unknown."""
    with pytest.raises(ValueError, match="key_ttl_seconds"):
        RedisOnlineStoreConfig(key_ttl_seconds=1)


@pytest.mark.parametrize("base", [AT, datetime(1969, 7, 20, tzinfo=UTC)])
def test_an_older_row_never_replaces_a_newer_one(ours: FeatureStore, base: datetime) -> None:
    """Feast's SQLite store takes the last that is written; ours compares, before 1970 too."""
    one_number(ours)
    hour = timedelta(hours=1)

    def write(number: int, at: datetime, created: datetime) -> list[Any]:
        ours.push("view_push", frame(at, created, customer_id=["C1"], number=[number]))
        return numbers(ours, "C1")

    assert write(1, base, base) == [1]
    assert write(2, base - hour, base + hour) == [1]
    assert write(3, base, base - hour) == [1]
    assert write(4, base, base) == [4]
    assert write(5, base + hour, base + hour) == [5]


def test_the_newest_row_of_a_batch_stays(ours: FeatureStore) -> None:
    one_number(ours)
    rows = [frame(at, customer_id=["C1"], number=[n])
            for n, at in ((1, AT), (2, LATER), (3, EARLIER))]  # fmt: skip
    ours.write_to_online_store("view", pd.concat(rows))
    assert numbers(ours, "C1") == [2]


def test_a_view_that_is_gone_takes_its_rows_along_and_no_others(store: FeatureStore) -> None:
    names = ("view", "view*", "vie?", "view_b")
    customer = entity()
    views = {name: feature_view(store, {"number": Int64}, [customer], name=name) for name in names}
    store.apply([customer, *views.values()])
    for name in names:
        store.write_to_online_store(name, frame(customer_id=["C1"], number=[1]))
    rest = [view for name, view in views.items() if name not in {"view*", "vie?"}]
    gone = [views["view*"], views["vie?"]]
    store.apply([customer, *rest], objects_to_delete=gone, partial=False)
    assert [numbers(store, "C1", name=name) for name in ("view", "view_b")] == [[1], [1]]
    store.apply([customer, *views.values()])
    assert [numbers(store, "C1", name=name) for name in names] == [[1], [None], [None], [1]]


def test_after_a_teardown_it_is_applied_and_filled_again(store: FeatureStore) -> None:
    for number in (1, 2):
        one_number(store)
        assert numbers(store, "C1") == [None]
        store.write_to_online_store("view", frame(customer_id=["C1"], number=[number]))
        assert numbers(store, "C1") == [number]
        one_number(store)  # applied again: nothing is lost
        assert numbers(store, "C1") == [number]
        store.teardown()


@EXPERIMENTAL
def test_an_on_demand_view_is_computed_from_what_is_read(store: FeatureStore) -> None:
    customer = entity()
    view = feature_view(store, {"number": Int64}, [customer])
    request = RequestSource(name="asked", schema=[Field(name="plus", dtype=Int64)])
    sums = OnDemandFeatureView(
        name="sums",
        sources=[view, request],
        schema=[Field(name="total", dtype=Int64)],
        feature_transformation=_python(_total),
        mode="python",
    )
    store.apply([customer, view, sums])
    store.write_to_online_store("view", frame(customer_id=["C1", "C2"], number=[1, 2]))
    asked = {"customer_id": ["C2", "C1"], "plus": [10, 20]}
    answer = store.get_online_features(["sums:total", "view:number"], asked).to_dict()
    assert (answer["total"], answer["number"]) == ([12, 21], [2, 1])


@EXPERIMENTAL
def test_an_on_demand_view_that_is_stored_is_read(store: FeatureStore) -> None:
    customer = entity()
    view = feature_view(store, {"number": Int64}, [customer])
    doubled = OnDemandFeatureView(
        name="doubled",
        entities=[customer],
        sources=[view],
        schema=[Field(name="double", dtype=Int64)],
        feature_transformation=_python(_double),
        mode="python",
        write_to_online_store=True,
    )
    store.apply([customer, view, doubled])
    store.write_to_online_store("doubled", frame(customer_id=["C1"], number=[4]))
    answer = store.get_online_features(["doubled:double"], {"customer_id": ["C1"]}).to_dict()
    assert answer["double"] == [8]


def test_progress_counts_rows(store: FeatureStore) -> None:
    one_number(store)
    view, counted = store.get_feature_view("view"), []
    rows = [(text_key(f"C{n}"), {"number": Value(int64_val=n)}, AT, None) for n in range(3)]
    online(store).online_write_batch(store.config, view, rows, counted.append)
    assert sum(counted) == 3
    online(store).online_write_batch(store.config, view, [], counted.append)
    assert numbers(store, "C2", "C3") == [2, None]


def _total(rows: dict[str, Any]) -> dict[str, Any]:
    return {"total": [a + b for a, b in zip(rows["number"], rows["plus"], strict=True)]}


def _double(rows: dict[str, Any]) -> dict[str, Any]:
    return {"double": [2 * one for one in rows["number"]]}


def _python(function: Any) -> Any:
    return PythonTransformation(udf=function, udf_string=inspect.getsource(function))
