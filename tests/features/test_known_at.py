"""What was known at an instant: by Ibis, by SQL and by hand, and a table as it then was."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.tables import CONTRACTS
from features.lake.known_at import (
    LATEST,
    checked_types,
    known_at,
    known_rows,
    known_sql,
    later_instants,
    superseded_sql,
)

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
STAMP = pa.timestamp("us", "UTC")
VERSIONS = pa.schema([("number", pa.int64()), ("recorded_at", STAMP), ("superseded_at", STAMP)])
INSTANT = 'timestamp("UTC", 6)'


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")
    yield connection
    connection.disconnect()


def by_ibis(engine: Any, rows: pa.Table, instant: datetime) -> list[int]:
    table = ibis.memtable(rows)
    kept = table.filter(known_at(table, ibis.literal(instant, INSTANT))).select("number")
    return sorted(engine.to_pyarrow(kept)["number"].to_pylist())


def by_sql(engine: Any, rows: pa.Table, condition: str) -> list[int]:
    engine.con.register("versions", rows)
    kept = engine.con.execute(f"SELECT number FROM versions WHERE {condition}").fetchall()
    return sorted(number for (number,) in kept)


@pytest.mark.parametrize(
    ("recorded", "superseded", "known"),
    [
        (NOON - TICK, None, True),
        (NOON, None, False),
        (NOON + TICK, None, False),
        (NOON - 2 * TICK, NOON - TICK, False),
        (NOON - TICK, NOON, True),
        (NOON - TICK, NOON + TICK, True),
        (NOON, NOON + TICK, False),
    ],
)
def test_a_version_counts_until_the_next_one(
    engine: Any, recorded: datetime, superseded: datetime | None, known: bool
) -> None:
    rows = pa.table([[1], [recorded], [superseded]], schema=VERSIONS)
    assert by_ibis(engine, rows, NOON) == [1] * known
    assert by_sql(engine, rows, known_sql(NOON)) == [1] * known


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), unique=True, max_size=20),
    st.integers(-1, 10),
)
def test_of_each_key_the_last_version_before_the_instant_is_known(
    engine: Any, versions: list[tuple[int, int]], tick: int
) -> None:
    """Whatever the versions: the rule over `superseded_at` is "the latest recorded before"."""
    rows = []
    for number, (key, recorded) in enumerate(versions):
        later = [at for other, at in versions if other == key and at > recorded]
        rows.append((number, NOON + recorded * TICK, NOON + min(later) * TICK if later else None))
    expected = [
        number
        for number, (key, recorded) in enumerate(versions)
        if recorded < tick
        and not any(other == key and recorded < at < tick for other, at in versions)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    table = pa.table(columns, schema=VERSIONS)
    assert by_ibis(engine, table, NOON + tick * TICK) == expected
    assert by_sql(engine, table, known_sql(NOON + tick * TICK)) == expected


def test_the_last_version_of_each_key(engine: Any) -> None:
    rows = pa.table([[1, 2], [NOON, NOON + TICK], [NOON + TICK, None]], schema=VERSIONS)
    assert by_sql(engine, rows, LATEST) == [2]


def test_the_condition_stands_beside_others(engine: Any) -> None:
    """In an OR or after a NOT, the condition is still one."""
    rows = pa.table([[1, 2], [NOON, NOON - TICK], [None, None]], schema=VERSIONS)
    assert by_sql(engine, rows, f"NOT {known_sql(NOON)}") == [1]


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-06-30T12:00:00 has no time zone"):
        known_sql(NOON.replace(tzinfo=None))


def test_a_table_as_it_was_known(engine: Any) -> None:
    """A milestone at the instant itself has not happened; nor has what follows from it."""
    contract = CONTRACTS["entitlements"]
    assert "used_at" in contract.milestones
    schema = ibis.schema(checked_types(contract)).to_pyarrow()
    empty = dict.fromkeys(schema.names)
    early, late = NOON - timedelta(days=1), NOON + timedelta(days=1)
    rows = [
        {"entitlement_id": "A", "recorded_at": early, "used_at": NOON - TICK},
        {"entitlement_id": "B", "recorded_at": early, "used_at": NOON},
        {"entitlement_id": "C", "recorded_at": early, "superseded_at": NOON - TICK},
        {"entitlement_id": "C", "recorded_at": NOON - TICK, "superseded_at": late},
        {"entitlement_id": "D", "recorded_at": NOON, "used_at": early},
    ]
    day = date(2026, 6, 30)
    table = pa.Table.from_pylist([empty | {"used_on": day} | row for row in rows], schema=schema)
    shown = known_rows(ibis.memtable(table), contract, ibis.literal(NOON, INSTANT))
    assert set(shown.columns) == set(schema.names) - {"recorded_at", "superseded_at"}
    seen = engine.to_pyarrow(shown.order_by("entitlement_id")).to_pylist()
    assert [(row["entitlement_id"], row["used_at"], row["used_on"]) for row in seen] == [
        ("A", NOON - TICK, day),
        ("B", None, None),
        ("C", None, None),
    ]


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_what_may_lie_ahead_are_instants_of_the_table(name: str) -> None:
    types = checked_types(CONTRACTS[name])
    assert set(later_instants(CONTRACTS[name])) <= set(types)
    assert "superseded_at" in later_instants(CONTRACTS[name])


def test_a_version_ends_where_the_next_begins(engine: Any) -> None:
    contract = CONTRACTS["policies"]
    values = "('P1', 1), ('P1', 3), ('P2', 2)"
    query = f"SELECT {superseded_sql(contract)} FROM (VALUES {values}) t (policy_id, recorded_at)"
    ends = engine.con.execute(f"{query} ORDER BY policy_id, recorded_at").fetchall()
    assert [end for (end,) in ends] == [3, None, None]


def test_the_end_of_a_checked_version_stays_where_it_was_sooner(engine: Any) -> None:
    """The version that superseded P1's first one at 2 is not among the rows."""
    contract = CONTRACTS["policies"]
    query = (
        f"SELECT * REPLACE ({superseded_sql(contract, rows_have_it=True)}) FROM "
        "(VALUES ('P1', 1, 2), ('P1', 3, NULL), ('P1', 5, NULL)) "
        "t (policy_id, recorded_at, superseded_at) ORDER BY recorded_at"
    )
    assert [end for _, _, end in engine.con.execute(query).fetchall()] == [2, 5, None]
