"""What events said and what the core system delivers of the same thing come together in a check."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.events.event_types import EVENTS, Event
from features.events.inbox import EventInbox
from features.events.intake import Intake, RefusedError
from features.lake import Lake
from features.settings import Settings

Row = dict[str, Any]
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def deliver(lake: Lake, table: str, rows: list[Row]) -> None:
    lake.raw(table).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), lake.raw(table) / "part.parquet")


def quote(recorded: float, **more: Any) -> Row:
    """A version of the core system's row, all of its columns."""
    return {"quote_id": "Q1", "customer_id": "C1", "policy_id": "P1", "line": "health",
            "quoted_at": at(-60), "premium": 100.0, "delivered_at": None, "viewed_at": None,
            "recorded_at": at(recorded), **more}  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return insurer(tmp_path)


def insurer(home: Path) -> Lake:
    lake = Lake(Settings(home=home))
    customer = {"customer_id": "C1", "registered_at": at(-9999), "recorded_at": at(-9999)}
    deliver(lake, "customers", [customer])
    deliver(lake, "policies", [
        {"policy_id": "P1", "customer_id": "C1", "line": "motor_commercial", "private_car": True,
         "signed_at": at(-999), "inception": at(0).date(), "expiry": at(999_999).date(),
         "written_premium": 1000.0, "recorded_at": at(-999), "vehicle_id": "V1"}])  # fmt: skip
    deliver(lake, "claims", [
        {"claim_id": "K1", "customer_id": "C1", "policy_id": "P1", "occurred_at": at(-99),
         "reported_at": at(-99), "recorded_at": at(-99)}])  # fmt: skip
    return lake


def told(
    lake: Lake, name: str, received: float, occurred: float | None = None, **more: Any
) -> None:
    inbox = EventInbox(lake)
    when = at(received if occurred is None else occurred)
    Intake(lake, inbox).take(
        Event(f"{name} {received}", EVENTS[name], "C1", when, more), at(received)
    )


def checked(lake: Lake, table: str, *names: str) -> list[Row]:
    """Good rows by time, these columns; none may be bad."""
    assert {one.table: one.reasons for one in check_tables(lake) if one.bad} == {}
    rows = pq.read_table(lake.checked(table)).sort_by("recorded_at").to_pylist()
    return [{name: row[name] for name in names} for row in rows]


def test_a_quote_announced_gets_its_columns_from_a_row_recorded_before_and_delivered_later(
    lake: Lake,
) -> None:
    check_tables(lake)
    told(lake, "quote_made", 0.1, quote_id="Q1", line="health", premium=90)
    told(lake, "quote_viewed", 5, quote_id="Q1")
    assert checked(lake, "quotes", "policy_id", "viewed_at") == [
        {"policy_id": None, "viewed_at": None},
        {"policy_id": None, "viewed_at": at(5)},
    ]
    deliver(lake, "quotes", [quote(0)])
    found = checked(lake, "quotes", "policy_id", "premium", "viewed_at", "viewed_on",
                    "superseded_at")  # fmt: skip
    assert [list(row.values()) for row in found] == [
        ["P1", 100, None, None, at(0.1)],
        ["P1", 90, None, None, at(5)],
        ["P1", 90, at(5), at(5).date(), None],
    ]


def test_a_milestone_that_an_event_set_stays(lake: Lake) -> None:
    """The core system corrects the price in the night, and does not know of the view."""
    deliver(lake, "quotes", [quote(-60)])
    check_tables(lake)
    told(lake, "quote_viewed", 0, -5, quote_id="Q1")
    deliver(lake, "quotes", [quote(-60), quote(300, premium=None)])
    found = checked(lake, "quotes", "premium", "viewed_at")
    assert [list(row.values()) for row in found] == [[100, None], [100, at(-5)], [None, at(-5)]]
    # What it does know is its word, and what it takes back is not what the event said.
    deliver(lake, "quotes", [quote(-60), quote(300, viewed_at=at(-9)), quote(400)])
    assert [row["viewed_at"] for row in checked(lake, "quotes", "viewed_at")] == [
        None, at(-5), at(-9), at(-5)]  # fmt: skip


def test_a_customer_row_delivered_anew_keeps_the_binding(lake: Lake) -> None:
    check_tables(lake)
    told(lake, "mini_program_bound", 0)
    first = {"customer_id": "C1", "registered_at": at(-9999), "recorded_at": at(-9999),
             "branch": None}  # fmt: skip
    deliver(lake, "customers", [first, first | {"recorded_at": at(60), "branch": "B1"}])
    assert checked(lake, "customers", "branch", "mini_program_bound_at") == [
        {"branch": None, "mini_program_bound_at": None},
        {"branch": None, "mini_program_bound_at": at(0)},
        {"branch": "B1", "mini_program_bound_at": at(0)},
    ]


def test_rows_that_no_event_is_about_are_what_was_delivered(lake: Lake) -> None:
    deliver(lake, "quotes", [quote(-60), quote(-60) | {"quote_id": "Q2", "viewed_at": at(-1)}])
    check_tables(lake)
    told(lake, "quote_viewed", 0, quote_id="Q1")
    found = {(row["quote_id"], row["viewed_at"])
             for row in checked(lake, "quotes", "quote_id", "viewed_at")}  # fmt: skip
    assert found == {("Q1", None), ("Q1", at(0)), ("Q2", at(-1))}


def test_a_delivery_without_a_column_is_refused_whatever_events_say(lake: Lake) -> None:
    check_tables(lake)
    told(lake, "quote_made", 0, quote_id="Q1", line="health")
    deliver(lake, "quotes", [{"quote_id": "Q2", "customer_id": "C1", "recorded_at": at(0)}])
    with pytest.raises(GuanjiaError, match="table quotes: has no column line"):
        check_tables(lake)


OCCURRED: dict[str, tuple[int, Row]] = {
    "quote_made": (-63, {"line": "accident"}),
    "quote_delivered": (-40, {}),
    "quote_viewed": (-31, {}),
}


STEP = st.tuples(st.sampled_from(["delivered", *OCCURRED]), st.integers(0, 3), st.booleans())


@settings(
    max_examples=3,
    phases=[Phase.generate],  # a failure is small as it is
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, min_size=3, max_size=5))
def test_when_checks_run_decides_nothing(
    steps: list[tuple[str, int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Checked after each delivery, or once at the end, when all is there."""
    found: list[list[Row]] = []
    refused: dict[bool, list[int]] = {True: [], False: []}
    for often in (True, False):
        lake = insurer(tmp_path_factory.mktemp("order"))
        rows = [quote(-60)]
        deliver(lake, "quotes", rows)
        check_tables(lake)
        for number, (step, minutes, viewed) in enumerate(steps):
            if step == "delivered":
                moment = {"viewed_at": at(minutes - 30)} if viewed else {}
                rows.append(quote(10 * number, premium=float(number), **moment))
                deliver(lake, "quotes", rows)
                if often:
                    check_tables(lake)
                continue
            occurred, more = OCCURRED[step]
            try:
                told(lake, step, 10 * number, occurred + minutes % 4, quote_id="Q1", **more)
            except RefusedError:
                refused[often].append(number)
        found.append(checked(lake, "quotes", "line", "premium", "delivered_at", "viewed_at"))
    # What was known of a quote may speak against an event; then they are not the same events.
    assume(refused[True] == refused[False])
    assert found[0] == found[1]


def test_a_table_that_only_events_fill_is_there_after_a_check(lake: Lake) -> None:
    check_tables(lake)
    told(lake, "wecom_added", 0)
    told(lake, "complaint_received", 1, case_id="B1", topic="price")
    assert checked(lake, "surveys_and_complaints", "kind", "topic") == [
        {"kind": "complaint", "topic": "price"}
    ]
