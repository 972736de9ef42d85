"""The next daily snapshot says what the events said, on either online store."""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.checking.check import check_tables
from features.events.event_types import EVENTS
from features.events.intake import RefusedError
from features.lake import Lake
from features.online import feast_client
from features.online.push_events import catch_up
from features.online.reader import read_tags
from features.online.store import online_rows, push
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.snapshots.snapshots import Snapshot
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import catalogue, groups
from features.tags.relations.relations import RELATIONS

Row = dict[str, Any]
YESTERDAY, TODAY = date(2026, 6, 30), date(2026, 7, 1)
NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
MIDNIGHT = datetime(2026, 7, 1, 16, tzinfo=UTC)
EVENING = datetime(2026, 7, 1, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 simulated customers, checked, with yesterday's tags."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("insurer")))
    simulate(lake, 150, 11)
    check_tables(lake)
    write_snapshot(lake, [YESTERDAY])
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
@dataclass
class Day:
    """What a day of events left: tags online by customer and group, and those of its snapshot."""

    lake: Lake
    seen: dict[tuple[str, str], Row]
    written: Snapshot
    snapshot: dict[tuple[str, str], Row]

    def differing(self, found: dict[tuple[str, str], Row]) -> dict[tuple[str, ...], Any]:
        """Tags that are not as the snapshot has them, with both values."""
        return {
            (*where, tag): (value, self.snapshot[where][tag])
            for where, values in found.items()
            for tag, value in values.items()
            if self.snapshot[where][tag] != value
        }


@pytest.fixture(scope="module")
def day(insurer: Path, desk_over: Callable[[Lake], Any]) -> Iterator[Day]:
    """Events of twelve customers, on SQLite; then the night."""
    lake = Lake(Settings(home=insurer))
    feast_client.materialize(lake, YESTERDAY, now=NINE)
    desk = desk_over(lake)
    told = take_all(desk, lake)
    desk.fresh.refresh(told)
    fresh = {customer: touched(tables) for customer, tables in told.items()}
    seen = {(one, group): desk.group(group, one) for one in fresh for group in fresh[one]}
    checks = {one.table: one for one in check_tables(lake)}
    assert sum(checks[kind.table].bad for kind in EVENTS.values()) == 0
    (written,) = write_snapshot(lake, [TODAY])
    snapshot = {}
    for group in groups():
        table = pq.read_table(lake.home / written.files[group]["path"], partitioning=None)
        for row in table.to_pylist():
            tags = {tag: row[tag] for tag in groups()[group].tags}
            snapshot[row["customer_id"], group] = tags
    yield Day(lake, seen, written, snapshot)
    feast_client.forget(lake)


def touched(tables: set[str]) -> set[str]:
    """Groups with a tag that comes from one of these tables, itself or by another tag."""
    declared = catalogue()
    return {
        tag.group
        for tag in declared.values()
        for source in (tag, *(declared[name] for name in tag.needs))
        if source.relation and tables & set(RELATIONS[source.relation].reads)
    }


def take_all(desk: Any, lake: Lake) -> dict[str, set[str]]:
    """Some events of twelve customers, some of them late; the tables that each has rows in."""
    draw = random.Random(3)
    everyone = pq.read_table(lake.checked("customers"))["customer_id"].unique().to_pylist()
    told: dict[str, set[str]] = {one: set() for one in sorted(draw.sample(everyone, 12))}
    at = NINE
    for number in range(2):
        for customer, tables in told.items():
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
                tables.add(EVENTS[name].table)
    return told


def test_the_next_snapshot_agrees(day: Day) -> None:
    assert {group for _, group in day.seen} == set(groups())
    assert day.differing(day.seen) == {}
    # Carried forward from yesterday's, and the same as if all were computed anew.
    assert day.written.base == str(YESTERDAY)
    (whole,) = write_snapshot(day.lake, [TODAY], recompute_all=True)
    assert whole.snapshot_id == day.written.snapshot_id


def test_a_store_that_lost_everything_has_the_same_again(day: Day, online_url: str) -> None:
    """In the evening, from yesterday's snapshot and the inbox; at night the new snapshot."""
    lake = Lake(day.lake.settings.model_copy(update={"online": online_url}))
    online_rows(lake).drop_all()
    feast_client.materialize(lake, YESTERDAY, now=EVENING)
    assert catch_up(lake, YESTERDAY, EVENING) == 12
    for now in (EVENING, EVENING + timedelta(hours=1)):
        found = {}
        for (customer, group), values in day.seen.items():
            (row,) = read_tags(lake, [customer], list(values))
            found[customer, group] = {tag: row[tag] for tag in values}
            assert (row["freshness"] == MIDNIGHT) == (now > EVENING)
        assert day.differing(found) == {}
        feast_client.materialize(lake, TODAY, now=now)
    feast_client.forget(lake)


ARRIVING: list[tuple[str, Row]] = [
    ("quote_made", {"quote_id": "Q2", "line": "accident", "premium": 120}),
    ("quote_delivered", {"quote_id": "Q2"}),
    ("quote_viewed", {"quote_id": "Q2"}),
    ("quote_viewed", {"quote_id": "Q1"}),
    ("complaint_received", {"case_id": "K1", "topic": "claims"}),
    ("mini_program_bound", {}),
    ("entitlement_used", {"entitlement_id": "E1"}),
    ("contact_made", {"interaction_id": "I1", "touchpoint": "birthday", "channel": "wecom",
                      "direction": "out", "result": "replied"}),
]  # fmt: skip
OWN = ("quote_id", "case_id", "entitlement_id", "interaction_id")
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
    (written,) = write_snapshot(lake, [TODAY])
    found = {}
    for name in CHANGED:
        path = lake.home / written.files[name]["path"]
        rows_found = pq.read_table(path, filters=[("customer_id", "=", "C1")], partitioning=None)
        (row,) = rows_found.to_pylist()
        found[name] = {tag: row[tag] for tag in groups()[name].tags}
    return found


NUMBERS = itertools.count(2)


@settings(
    max_examples=6,
    phases=[Phase.generate],  # a failure is small as it is
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(order=st.permutations(range(len(ARRIVING))), together=st.integers(1, 4))
def test_arrival_order_decides_nothing(
    order: list[int], together: int, expected: dict[str, Row], one_desk: Any
) -> None:
    """Each happened at its own minute; in whatever order they arrive, refused ones again later."""
    customer = f"C{next(NUMBERS)}"  # all are alike
    received, ahead, taken = EVENING - timedelta(hours=2), list(order), 0
    while ahead:
        number = ahead.pop(0)
        name, fields = ARRIVING[number]
        fields = {key: f"{value} {customer}" if key in OWN else value
                  for key, value in fields.items()}  # fmt: skip
        received += timedelta(seconds=1)
        try:
            one_desk.take(name, customer, received=received,
                          occurred=NINE + timedelta(minutes=number), **fields)  # fmt: skip
        except RefusedError:
            ahead.append(number)
            continue
        taken += 1
        if taken % together == 0:
            one_desk.fresh.refresh([customer])
    one_desk.fresh.refresh([customer])
    for group in CHANGED:
        found = one_desk.group(group, customer)
        assert {tag: (value, expected[group][tag]) for tag, value in found.items()
                if value != expected[group][tag]} == {}  # fmt: skip


def test_pushes_that_arrive_out_of_order_leave_the_latest_online(
    desk: Any, online_url: str
) -> None:
    lake = Lake(desk.lake.settings.model_copy(update={"online": online_url}))
    feast_client.materialize(lake, YESTERDAY, now=NINE)
    for customer, order in (("C1", (0, 1, 2)), ("C2", (2, 1, 0)), ("C3", (1, 2, 0))):
        pushes = []
        for number in range(3):
            kept = desk.take("complaint_received", customer, topic="price",
                             case_id=f"K{number} {customer}")  # fmt: skip
            pushes.append(desk.fresh._live.compute({customer: kept.recorded_at}, ["engagement"]))
        for number in order:
            push(lake, "engagement", pushes[number]["engagement"])
        (row,) = read_tags(lake, [customer], ["complaint_count_365d"])
        assert row["complaint_count_365d"] == 3
    feast_client.forget(lake)
