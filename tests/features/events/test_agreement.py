"""The next daily snapshot says what the events said, on either online store."""

import random
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features import store
from features.check import check_tables
from features.event_intake import RefusedError
from features.events import EVENTS
from features.lake import Lake
from features.settings import Settings
from features.sources.simulated import simulate
from features.spine import spine_of
from features.tagging import compute_group, write_snapshot
from features.tags.catalogue import groups

Row = dict[str, Any]
YESTERDAY, TODAY = date(2026, 6, 30), date(2026, 7, 1)
NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
EVENING = datetime(2026, 7, 1, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory, kept_sql: Path) -> Path:
    """150 simulated customers, checked, with yesterday's tags."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("insurer")))
    simulate(lake, 150, 11)
    check_tables(lake)
    write_snapshot(lake, [YESTERDAY])
    shutil.copytree(kept_sql.parent, lake.home / "feast")
    return lake.home


def first(lake: Lake, table: str, customer: str, key: str) -> str | None:
    """The key of some row of a customer."""
    rows = pq.read_table(lake.checked(table), filters=[("customer_id", "=", customer)])
    return rows[key][0].as_py() if rows.num_rows else None


def some_events(lake: Lake, customer: str, number: int) -> list[tuple[str, Row]]:
    """One of each kind that is possible."""
    name = f"{customer} {number}"
    found: list[tuple[str, Row]] = [
        ("quote_made", {"quote_id": f"Q {name}", "line": "accident", "premium": 120}),
        ("quote_viewed", {"quote_id": f"Q {name}"}),
        ("complaint_received", {"case_id": f"K {name}", "topic": "claims"}),
        ("survey_answered", {"case_id": f"S {name}", "topic": "service", "score": 3}),
        ("contact_made", {"interaction_id": f"I {name}", "touchpoint": "birthday",
                          "channel": "wecom", "direction": "out", "result": "replied"}),
        ("payment_started", {"interaction_id": f"P {name}", "channel": "app"}),
        ("mini_program_bound", {}),
        ("wecom_added", {}),
        ("consent_changed", {"consent_id": f"C {name}", "purpose": "location",
                             "granted": number % 2 == 0}),
    ]  # fmt: skip
    policy = first(lake, "policies", customer, "policy_id")
    if policy:
        found.append(("claim_reported", {"claim_id": f"X {name}", "policy_id": policy,
                                         "accident_at": NINE - timedelta(days=1)}))  # fmt: skip
    if quote := first(lake, "quotes", customer, "quote_id"):
        found.append(("quote_viewed", {"quote_id": quote}))
    if entitlement := first(lake, "entitlements", customer, "entitlement_id"):
        found.append(("entitlement_used", {"entitlement_id": entitlement}))
    return found


@pytest.mark.slow
def test_the_next_snapshot_agrees(
    insurer: Path, tmp_path: Path, online_url: str, desk_over: Callable[[Lake], Any]
) -> None:
    shutil.copytree(insurer, tmp_path, dirs_exist_ok=True)
    lake = Lake(replace_online(Settings(home=tmp_path), online_url))
    store.materialize(lake, YESTERDAY, now=NINE)
    desk = desk_over(lake)
    draw = random.Random(3)
    everyone = pq.read_table(lake.checked("customers"))["customer_id"].unique().to_pylist()
    customers = sorted(draw.sample(everyone, 12))
    told: dict[str, set[str]] = {customer: set() for customer in customers}
    at = NINE
    for number in range(2):
        for customer in customers:
            kinds = some_events(lake, customer, number)
            draw.shuffle(kinds)
            for name, fields in kinds:
                at += timedelta(seconds=7)
                late = draw.choice([0, 0, 60, 86_400])
                try:
                    desk.take(name, customer, received=at, occurred=at - timedelta(seconds=late),
                              **fields)  # fmt: skip
                except RefusedError:
                    continue  # a view of a quote that is made later
                told[customer].add(EVENTS[name].table)
    desk.fresh.refresh(customers)
    fresh = {customer: set(desk.fresh._live.groups_of(told[customer])) for customer in customers}
    assert set().union(*fresh.values()) >= set(groups()) - {"vehicle_care"}
    seen = {(one, group): desk.group(group, one) for one in customers for group in fresh[one]}

    checks = {one.table: one for one in check_tables(lake)}
    assert sum(checks[EVENTS[name].table].bad for name in EVENTS) == 0
    (carried,) = write_snapshot(lake, [TODAY])
    assert carried.base == str(YESTERDAY)
    for group in groups():
        path = lake.home / carried.files[group]["path"]
        rows = {
            row["customer_id"]: row for row in pq.read_table(path, partitioning=None).to_pylist()
        }
        for customer in customers:
            if group in fresh[customer]:
                values = {name: rows[customer][name] for name in groups()[group].tags}
                assert seen[customer, group] == values, (customer, group)
    (whole,) = write_snapshot(lake, [TODAY], whole=True)
    assert whole.snapshot_id == carried.snapshot_id
    store.materialize(lake, TODAY, now=EVENING)
    for (customer, group), values in seen.items():
        assert desk.group(group, customer) == values
    (row,) = store.online(lake, [customers[0]], list(groups()["claims"].tags))
    assert row["freshness"] == datetime(2026, 7, 1, 16, tzinfo=UTC)


def replace_online(found: Settings, url: str) -> Settings:
    return found.model_copy(update={"online": url})


ARRIVING: list[tuple[str, Row]] = [
    ("quote_made", {"quote_id": "Q2", "line": "accident", "premium": 120}),
    ("quote_delivered", {"quote_id": "Q2"}),
    ("quote_viewed", {"quote_id": "Q2"}),
    ("quote_viewed", {"quote_id": "Q1 C1"}),
    ("complaint_received", {"case_id": "K1", "topic": "claims"}),
    ("mini_program_bound", {}),
    ("entitlement_used", {"entitlement_id": "E1 C1"}),
    ("contact_made", {"interaction_id": "I1", "touchpoint": "birthday", "channel": "wecom",
                      "direction": "out", "result": "replied"}),
]  # fmt: skip
CHANGED = ("behaviour", "engagement", "entitlements", "loyalty")


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory,
    put: Callable[[Lake, str, list[Row]], None],
    tables: dict[str, list[Row]],
) -> dict[str, Row]:
    """The tags computed from the rows as a core system would have delivered them, in full."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("expected")))
    moment = [NINE + timedelta(minutes=number) for number in range(len(ARRIVING))]
    rows = {name: [dict(row) for row in found] for name, found in tables.items()}
    rows["quotes"][0]["viewed_at"] = moment[3]
    rows["customers"][0]["mini_program_bound_at"] = moment[5]
    rows["entitlements"][0]["used_at"] = moment[6]
    rows["quotes"].append({"customer_id": "C1", "quote_id": "Q2", "line": "accident",
                           "premium": 120.0, "quoted_at": moment[0], "delivered_at": moment[1],
                           "viewed_at": moment[2], "recorded_at": moment[2]})  # fmt: skip
    rows["surveys_and_complaints"].append(
        {"customer_id": "C1", "case_id": "K1", "kind": "complaint", "topic": "claims",
         "occurred_at": moment[4], "recorded_at": moment[4]})  # fmt: skip
    rows["interactions"].append(
        {"customer_id": "C1", "recorded_at": moment[7], "occurred_at": moment[7],
         **ARRIVING[7][1]})  # fmt: skip
    for table, found in rows.items():
        put(lake, table, found)
    pairs = pa.table({"customer_id": ["C1"], "as_of": [TODAY],
                      "cutoff": pa.array([EVENING], pa.timestamp("us", "UTC"))})  # fmt: skip
    computed = {
        name: compute_group(lake, spine_of(ibis.memtable(pairs)), name).to_pylist()[0]
        for name in CHANGED
    }
    return {name: {tag: row[tag] for tag in groups()[name].tags} for name, row in computed.items()}


@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],  # a failure is small as it is
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(order=st.permutations(range(len(ARRIVING))), together=st.integers(1, 4))
def test_arrival_order_decides_nothing(
    order: list[int],
    together: int,
    expected: dict[str, Row],
    one_desk: Any,
) -> None:
    """Each happened at its own minute; in whatever order they arrive, refused ones again later."""
    empty(one_desk)
    received, ahead, waiting = EVENING - timedelta(hours=2), list(order), 0
    while ahead:
        number = ahead.pop(0)
        name, fields = ARRIVING[number]
        received += timedelta(seconds=1)
        try:
            one_desk.take(name, received=received, occurred=NINE + timedelta(minutes=number),
                          **fields)  # fmt: skip
        except RefusedError:
            ahead.append(number)
        waiting += 1
        if waiting % together == 0:
            one_desk.fresh.refresh(["C1"])
    one_desk.fresh.refresh(["C1"])
    for group in CHANGED:
        found = one_desk.group(group)
        assert {tag: (value, expected[group][tag]) for tag, value in found.items()
                if value != expected[group][tag]} == {}  # fmt: skip


def empty(desk: Any) -> None:
    """The inbox and the online store as in the morning."""
    with desk.inbox._writing() as connection:
        connection.execute("DELETE FROM events")
    opened = store._store(desk.lake)
    views = [opened.get_feature_view(name) for name in groups()]
    online: Any = opened._get_provider().online_store
    online.update(opened.config, views, [], [], [], False)
    online.update(opened.config, [], views, [], [], False)
    store.materialize(desk.lake, YESTERDAY, now=NINE)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_pushes_out_of_order(desk: Any, order: tuple[int, ...], online_url: str) -> None:
    lake = Lake(replace_online(desk.lake.settings, online_url))
    store.forget(lake)
    store.materialize(lake, YESTERDAY, now=NINE)
    pushes = []
    for number in range(3):
        kept = desk.take("complaint_received", case_id=f"K{number}", topic="price",
                         event_id=f"e{number}")  # fmt: skip
        pushes.append(desk.fresh._live.compute({"C1": kept.recorded_at}, ["engagement"]))
    for number in order:
        store.push(lake, "engagement", pushes[number]["engagement"])
    assert store.online(lake, ["C1"], ["complaint_count_365d"])[0]["complaint_count_365d"] == 3
    store.forget(lake)
