"""Keys of every type that Feast makes keys of, several at once or none: no two share a row."""

from datetime import timedelta
from typing import Any

import pytest
from feast import FeatureService, FeatureStore, ValueType, types
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Bytes, Int32, Int64, String, UnixTimestamp
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
    write_file,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from features.online.feast_values import row_id

KEYS = [
    (ValueType.STRING, String, ["1", "2", "客户 3"], "999"),
    (ValueType.INT32, Int32, [1, 2, -3], 999),
    (ValueType.INT64, Int64, [1, 2, -(2**62)], 999),
    (ValueType.BYTES, Bytes, [b"1", b"", b"\xff"], b"999"),
    (ValueType.UNIX_TIMESTAMP, UnixTimestamp, [AT, AT + timedelta(1), AT + timedelta(2)],
     AT - timedelta(1)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "type_", "known", "unknown"), KEYS, ids=[k[0].name for k in KEYS])
def test_each_key_has_its_own_row(
    store: FeatureStore, kind: ValueType, type_: Any, known: list[Any], unknown: Any
) -> None:
    key = entity("key", kind)
    store.apply([key, feature_view(store, {"number": Int64}, [key], [type_])])
    store.write_to_online_store("view", frame(key=known, number=[10, 20, 30]))
    asked = [unknown, *reversed(known), known[0]]
    answer = read(store, ["view:number"], key=asked)["number"]
    none = (None, NOT_FOUND)
    assert answer == [none, (30, PRESENT), (20, PRESENT), (10, PRESENT), (10, PRESENT)]


def test_several_join_keys_are_one_key_together(store: FeatureStore) -> None:
    customer, car = entity("customer_id"), entity("car", ValueType.INT64)
    view = feature_view(store, {"number": Int64}, [customer, car], [String, Int64])
    store.apply([customer, car, view])
    rows = frame(customer_id=["C1", "C1", "C2"], car=[1, 2, 1], number=[11, 12, 21])
    store.write_to_online_store("view", rows)
    answer = read(store, ["view:number"], customer_id=["C2", "C2", "C1", "C1"], car=[1, 2, 2, 1])[
        "number"
    ]
    assert answer == [(21, PRESENT), (None, NOT_FOUND), (12, PRESENT), (11, PRESENT)]


def test_the_order_of_join_keys_does_not_matter() -> None:
    names, values = ["a", "b"], [Value(int64_val=1), Value(string_val="1")]
    one = EntityKey(join_keys=names, entity_values=values)
    other = EntityKey(join_keys=names[::-1], entity_values=values[::-1])
    crossed = EntityKey(join_keys=names, entity_values=values[::-1])
    assert row_id(one) == row_id(other) != row_id(crossed)


def test_a_blank_id_in_a_batch_is_a_key_like_any_other(store: FeatureStore) -> None:
    one_number(store)
    store.write_to_online_store("view", frame(customer_id=["C1"], number=[1]))
    assert numbers(store, "", "C1", "C2") == [None, 1, None]
    store.write_to_online_store("view", frame(customer_id=["", "\x1f"], number=[7, 8]))
    assert numbers(store, "", "C1", "\x1f", "\x1f\x1f", " ") == [7, 1, 8, None, None]


def test_an_absent_id_is_no_key(store: FeatureStore) -> None:
    """Read or written: Feast makes no key of it, and no row answers for it."""
    one_number(store)
    store.write_to_online_store("view", frame(customer_id=["C1", ""], number=[1, 2]))
    with pytest.raises(TypeError, match="attribute name must be string"):
        numbers(store, "C1", None)
    with pytest.raises(ValueError, match="Value type not supported"):
        store.write_to_online_store("view", frame(customer_id=["C2", None], number=[3, 4]))
    assert numbers(store, "C1", "C2", "") == [1, None, 2]


def test_a_view_without_an_entity_has_one_row(store: FeatureStore) -> None:
    store.apply([feature_view(store, {"number": Int64})])
    assert read(store, ["view:number"], any=[1])["number"] == [(None, NOT_FOUND)]
    write_file(store, frame(number=[5]))
    store.materialize(AT - timedelta(1), AT + timedelta(1))
    assert read(store, ["view:number"], any=[1, 2])["number"] == [(5, PRESENT)] * 2


def test_a_join_key_can_be_asked_for_under_another_name(store: FeatureStore) -> None:
    place = entity("place", ValueType.INT64)
    view = feature_view(store, {"number": Int64}, [place], [Int64])
    store.apply([place, view])
    store.write_to_online_store("view", frame(place=[1, 2], number=[10, 20]))
    service_view = view.with_name("origin").with_join_key_map({"place": "origin_place"})
    service = FeatureService(name="trip", features=[service_view])
    store.apply([place, view, service])
    answer = store.get_online_features(service, {"origin_place": [2, 1]}).to_dict()
    assert answer["number"] == [20, 10]


def test_a_key_that_changed_its_type_finds_no_row_of_before(store: FeatureStore) -> None:
    for kind, type_, key in ((ValueType.STRING, String, "1"), (ValueType.INT64, Int64, 1)):
        one = entity("key", kind)
        store.apply([one, feature_view(store, {"number": Int64}, [one], [type_])])
        assert read(store, ["view:number"], key=[key])["number"] == [(None, NOT_FOUND)]
        store.write_to_online_store("view", frame(key=[key], number=[5]))
        assert read(store, ["view:number"], key=[key])["number"] == [(5, PRESENT)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PARTS = st.one_of(
    TEXTS.map(lambda one: Value(string_val=one)),
    st.binary().map(lambda one: Value(bytes_val=one)),
    st.integers(-(2**31), 2**31 - 1).map(lambda one: Value(int32_val=one)),
    st.integers(-(2**63), 2**63 - 1).map(lambda one: Value(int64_val=one)),
    st.integers(-(2**63), 2**63 - 1).map(lambda one: Value(unix_timestamp_val=one)),
)
ENTITY_KEYS = st.dictionaries(TEXTS, PARTS, max_size=3).map(
    lambda parts: EntityKey(join_keys=list(parts), entity_values=list(parts.values()))
)


def parts(key: EntityKey) -> Any:
    """What a key says, whatever its order; a single text is told by its text alone."""
    kinds = [(one.WhichOneof("val"), getattr(one, one.WhichOneof("val"))) for one in
             key.entity_values]  # fmt: skip
    if len(kinds) == 1 and kinds[0][0] == "string_val" and kinds[0][1][:1] not in ("", "\x1f"):
        return kinds[0][1]
    return sorted(zip(key.join_keys, kinds, strict=True))


@given(one=ENTITY_KEYS, other=ENTITY_KEYS)
@settings(max_examples=500)
def test_keys_share_an_id_only_if_they_say_the_same(one: EntityKey, other: EntityKey) -> None:
    assert row_id(one) == row_id(EntityKey.FromString(one.SerializeToString()))
    assert (row_id(one) == row_id(other)) == (parts(one) == parts(other))


@given(ids=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5, unique=True))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_number_reads_another_numbers_row(store: FeatureStore, ids: list[int]) -> None:
    key = entity("key", ValueType.INT64)
    view = feature_view(store, {"number": Int64}, [key], [Int64])
    store.apply([key, view])
    keys = [EntityKey(join_keys=["key"], entity_values=[Value(int64_val=one)]) for one in ids]
    rows = [(key, {"number": Value(int64_val=one)}, AT, None)
            for key, one in zip(keys, ids, strict=True)]  # fmt: skip
    online(store).online_write_batch(store.config, view, rows, None)
    answer = online(store).online_read(store.config, view, keys)
    assert [values["number"].int64_val for _, values in answer] == ids


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (ValueType.DOUBLE, types.Float64),
        (ValueType.FLOAT, types.Float32),
        (ValueType.BOOL, types.Bool),
        (ValueType.UUID, types.Uuid),
        (ValueType.DECIMAL, types.Decimal),
    ],
)
def test_a_key_that_feast_makes_no_key_of_is_refused_at_apply(
    ours: FeatureStore, kind: ValueType, type_: Any
) -> None:
    key = entity("key", kind)
    with pytest.raises(GuanjiaError) as refused:
        ours.apply([key, feature_view(ours, {"number": Int64}, [key], [type_])])
    assert str(refused.value) == (
        f"view view: has the join key key of type {type_}, of which Feast makes no key. "
        "Declare it as one of String, Int64, Int32, Bytes, UnixTimestamp."
    )
    one_number(ours, "other")
    ours.refresh_registry()
    assert [view.name for view in ours.list_feature_views()] == ["other"]


def test_feasts_own_store_fails_on_such_a_key_when_it_is_written(open_store: Any) -> None:
    """The control: the refusal takes nothing away."""
    store, key = open_store("feast"), entity("key", ValueType.DOUBLE)
    store.apply([key, feature_view(store, {"number": Int64}, [key], [types.Float64])])
    with pytest.raises(ValueError, match="Value type not supported"):
        store.write_to_online_store("view", frame(key=[1.5], number=[5]))


def test_a_column_without_a_type_is_refused_at_apply(ours: FeatureStore) -> None:
    customer = entity()
    with pytest.raises(GuanjiaError, match="view view: has the column number without a type"):
        ours.apply([customer, feature_view(ours, {"number": types.Invalid}, [customer])])


def test_a_vector_index_is_refused_at_apply(ours: FeatureStore) -> None:
    customer = entity()
    view = feature_view(ours, {"place": types.Array(types.Float32)}, [customer])
    ours.apply([customer, view])
    view.features[0].vector_index = True
    with pytest.raises(GuanjiaError, match="view view: asks for a vector index of the column pla"):
        ours.apply([customer, view])
