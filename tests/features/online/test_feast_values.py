"""Every value that Feast declares reads back as it was written, on Feast's own store and ours."""

from datetime import UTC, datetime
from decimal import Decimal as Number
from typing import Any
from uuid import UUID

import pytest
from feast import FeatureStore, types
from feast.protos.feast.types import Value_pb2 as messages
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Array, Bytes, Float32, Float64, Int32, Int64, Set, String, Struct
from feast_stores import (
    AT,
    NOT_FOUND,
    PRESENT,
    entity,
    feature_view,
    frame,
    online,
    read,
    text_key,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.online.feast_values import to_stored, to_value

NEAREST_32_BITS = 0.8500000238418579  # of 0.85
SAMPLES: list[tuple[Any, Any, Any]] = [
    (String, "客户 \x00\n'\"", "客户 \x00\n'\""),
    (Bytes, b"\x00\xff", b"\x00\xff"),
    (types.PdfBytes, b"%PDF", b"%PDF"),
    (types.ImageBytes, b"\x89PNG", b"\x89PNG"),
    (types.Bool, False, False),
    (Int32, -5, -5),
    (Int64, 2**60, 2**60),
    (Float32, 0.85, NEAREST_32_BITS),
    (Float64, 0.1, 0.1),
    (Float64, 3000.0, 3000.0),
    (types.UnixTimestamp, AT, AT),
    (types.Json, '{"a": [1, null]}', {"a": [1, None]}),
    (types.Map, {"a": 1}, {"a": 1}),
    (Struct({"a": Int64}), {"a": 1}, {"a": 1}),
    (types.Uuid, str(UUID(int=5)), UUID(int=5)),
    (types.TimeUuid, str(UUID(int=7)), UUID(int=7)),
    (types.Decimal, Number("1.20"), Number("1.20")),
    (Array(String), ["a", "b"], ["a", "b"]),
    (Array(Bytes), [b"\x00", b""], [b"\x00", b""]),
    (Array(types.Bool), [True, False], [True, False]),
    (Array(Int32), [1, -2], [1, -2]),
    (Array(Int64), [2**60], [2**60]),
    (Array(Float32), [0.85], [NEAREST_32_BITS]),
    (Array(Float64), [0.1, 2.0], [0.1, 2.0]),
    (Array(types.UnixTimestamp), [AT], [AT]),
    (Array(types.Json), ['{"a": 1}'], [{"a": 1}]),
    (Array(types.Uuid), [str(UUID(int=5))], [UUID(int=5)]),
    (Array(types.Decimal), [Number("1.20")], [Number("1.20")]),
    (Array(Struct({"a": Int64})), [{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
    (Array(Array(Int64)), [[1, 2], [3]], [[1, 2], [3]]),
    (Set(String), {"a"}, {"a"}),
    (Set(Bytes), {b"\xff"}, {b"\xff"}),
    (Set(Int32), {7}, {7}),
    (Set(Int64), {7}, {7}),
    (Set(Float32), {0.5}, {0.5}),
    (Set(Float64), {0.5}, {0.5}),
    (Set(types.Bool), {True}, {True}),
    (Set(types.UnixTimestamp), {AT}, {AT}),
]


@pytest.mark.parametrize(
    ("type_", "written", "expected"), SAMPLES, ids=[f"{type_}" for type_, *_ in SAMPLES]
)
def test_every_type_reads_back(
    store: FeatureStore, type_: Any, written: Any, expected: Any
) -> None:
    """Feast itself has lists of PDFs, images and maps as types, but makes no values of them."""
    customer = entity()
    store.apply([customer, feature_view(store, {"value": type_}, [customer])])
    rows = frame(customer_id=["known", "null"], value=[written, None])
    store.write_to_online_store("view", rows)
    answer = read(store, ["view:value"], customer_id=["null", "nobody", "known"])["value"]
    assert answer == [(None, PRESENT), (None, NOT_FOUND), (expected, PRESENT)]
    assert type(answer[2][0]) is type(expected)


def lists(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=3)


INTS = {"Int32": st.integers(-(2**31), 2**31 - 1), "Int64": st.integers(-(2**63), 2**63 - 1)}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "bytes": st.binary(),
    "bool": st.booleans(),
    "int32": INTS["Int32"],
    "int64": INTS["Int64"],
    "unix_timestamp": INTS["Int64"],
    "double": st.floats(),
    "float": st.floats(width=32),
    "json": TEXTS,
    "uuid": TEXTS,
    "decimal": TEXTS,
}
LISTED = [name for name in SCALARS if f"{name}_list_val" in Value.DESCRIPTOR.fields_by_name]


def listed(name: str, kind: str) -> st.SearchStrategy[Value]:
    field = f"{name}_{kind}_val"
    message = Value.DESCRIPTOR.fields_by_name.get(field)
    if message is None:
        return st.nothing()
    make = getattr(messages, message.message_type.name)
    return lists(SCALARS[name]).map(lambda items: Value(**{field: make(val=items)}))


PLAIN = st.one_of(
    st.just(Value()),
    *(of.map(lambda one, name=name: Value(**{f"{name}_val": one})) for name, of in SCALARS.items()),
    *(listed(name, kind) for name in LISTED for kind in ("list", "set")),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        lists(inner).map(lambda of: Value(list_val=messages.RepeatedValue(val=of))),
        st.dictionaries(TEXTS, inner, max_size=3).map(
            lambda of: Value(map_val=messages.Map(val=of))
        ),
        st.builds(
            lambda at, zone: Value(
                zoned_timestamp_val=messages.ZonedTimestamp(unix_timestamp=at, zone=zone)
            ),
            INTS["Int64"],
            TEXTS,
        ),
    ),
    max_leaves=4,
)


def as_bytes(value: Value) -> bytes:
    """The message of a value: equal for NaN too, and it tells -0.0 from 0.0."""
    return value.SerializeToString(deterministic=True)


@given(VALUES)
@settings(max_examples=500)
def test_a_value_of_a_row_is_that_which_was_written(value: Value) -> None:
    assert as_bytes(to_value(to_stored(value))) == as_bytes(value)


@given(rows=st.dictionaries(TEXTS, st.tuples(VALUES, VALUES), min_size=1, max_size=4))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_of_any_values_are_those_that_were_written(
    store: FeatureStore, rows: dict[str, tuple[Value, Value]]
) -> None:
    """Whatever their columns are declared as: a value says itself what it is."""
    customer = entity()
    view = feature_view(store, {"one": Int64, "other": String}, [customer])
    store.apply([customer, view])
    online(store).online_write_batch(
        store.config,
        view,
        [
            (text_key(name), {"one": one, "other": other}, AT, None)
            for name, (one, other) in rows.items()
        ],
        None,
    )
    answer = online(store).online_read(store.config, view, [text_key(name) for name in rows])
    assert [at for at, _ in answer] == [AT] * len(rows)
    found = [tuple(as_bytes(values[name]) for name in ("one", "other")) for _, values in answer]
    assert found == [tuple(map(as_bytes, pair)) for pair in rows.values()]


@pytest.mark.parametrize(
    ("before", "written", "after"),
    [(Int64, 5, String), (String, "x", Int64), (Int64, 5, Float64), (Array(Int64), [1], Int64)],
)
def test_what_was_written_before_a_column_changed_its_type_reads_as_it_was(
    store: FeatureStore, before: Any, written: Any, after: Any
) -> None:
    customer = entity()
    store.apply([customer, feature_view(store, {"value": before}, [customer])])
    store.write_to_online_store("view", frame(customer_id=["C1"], value=[written]))
    store.apply([customer, feature_view(store, {"value": after}, [customer])])
    (answer,) = read(store, ["view:value"], customer_id=["C1"])["value"]
    assert answer == (written, PRESENT)
    assert type(answer[0]) is type(written)


def test_a_new_column_is_not_found_until_it_is_written(store: FeatureStore) -> None:
    customer = entity()
    store.apply([customer, feature_view(store, {"old": Int64}, [customer])])
    store.write_to_online_store("view", frame(customer_id=["C1"], old=[1]))
    store.apply([customer, feature_view(store, {"old": Int64, "new": Int64}, [customer])])
    columns = ["view:old", "view:new"]
    before = read(store, columns, customer_id=["C1"])
    assert before == {"old": [(1, PRESENT)], "new": [(None, NOT_FOUND)]}
    later = datetime(2026, 7, 2, tzinfo=UTC)
    store.write_to_online_store("view", frame(later, customer_id=["C1"], old=[2], new=[3]))
    after = read(store, columns, customer_id=["C1"])
    assert after == {"old": [(2, PRESENT)], "new": [(3, PRESENT)]}
