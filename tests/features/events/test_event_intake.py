"""An event is held against what is known and against the contract before it is kept."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.events.document import render
from features.events.event_types import EVENTS, Event
from features.events.intake import RefusedError

Row = dict[str, Any]
Later = Callable[[float], datetime]
ROOT = Path(__file__).parents[3]


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T04:00:00+00:00")


def rows(desk: Any, table: str) -> list[Row]:
    found = [one for batch in desk.inbox.rows(table) for one in batch.column("row").to_pylist()]
    return [json.loads(one) for one in found]


REFUSED: list[tuple[str, Row, str]] = [
    ("quote_viewed", {"quote_id": "none"}, "quote_id none is not known of customer C1"),
    # Somebody else's quote is nothing that C1 can have viewed, nor make.
    ("quote_viewed", {"quote_id": "Q1 C2"}, "quote_id Q1 C2 is not known of customer C1"),
    ("quote_made", {"quote_id": "Q1 C2", "line": "health"}, "quote_id Q1 C2 is another customer's"),
    ("quote_made", {"quote_id": "Q2", "line": "yacht"}, "line is none of motor_compulsory"),
    ("quote_made", {"quote_id": "Q2"}, "line is missing"),
    ("quote_made", {"quote_id": "Q2", "line": "health", "premium": -1}, "premium is below 0"),
    ("survey_answered", {"case_id": "K1", "topic": "price"}, "a survey has a score"),
    ("survey_answered", {"case_id": "K1", "topic": "price", "score": 6},
     "score is not between 1 and 5"),
    ("claim_reported", {"claim_id": "K", "policy_id": "P9", "accident_at": noon("2026-06-30")},
     "policy_id P9 is not a known policy"),
    ("quote_made", {"quote_id": "Q2", "line": "health", "policy_id": "P9"},
     "policy_id P9 is not a known policy"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "fault"), REFUSED)
def test_what_cannot_be_is_refused(one_desk: Any, name: str, fields: Row, fault: str) -> None:
    with pytest.raises(RefusedError, match=r"^event e1: ") as refusal:
        one_desk.take(name, event_id="e1", **fields)
    assert fault in refusal.value.fault
    assert one_desk.inbox.waiting_customers() == []


def test_a_policy_that_was_signed_today_is_known(one_desk: Any, later: Later) -> None:
    claim = {"claim_id": "K", "policy_id": "P9", "accident_at": later(-60)}
    one_desk.take("policy_signed", event_id="e1", policy_id="P9", line="health",
                  inception=date(2026, 7, 1), expiry=date(2027, 7, 1))  # fmt: skip
    one_desk.take("claim_reported", event_id="e2", received=later(1), **claim)
    assert [row["policy_id"] for row in rows(one_desk, "claims")] == ["P9"]


def test_unknown_customers_are_refused(one_desk: Any) -> None:
    with pytest.raises(RefusedError, match="customer_id nobody is not a known customer"):
        one_desk.take("wecom_added", "nobody")
    with pytest.raises(RefusedError, match="customer_id C1' OR 1=1 -- is not a known customer"):
        one_desk.take("wecom_added", "C1' OR 1=1 --")


def test_steps_out_of_order_are_refused(one_desk: Any, later: Later) -> None:
    with pytest.raises(RefusedError, match="a quote is delivered after it is made"):
        one_desk.take("quote_delivered", quote_id="Q1 C1", occurred=later(-20 * 86_400))
    with pytest.raises(RefusedError, match="a claim is reported after it occurred"):
        one_desk.take("claim_reported", claim_id="K", policy_id="P1 C1", accident_at=later(10))


def test_the_future_is_refused_beyond_the_skew(desk: Any, later: Later) -> None:
    with pytest.raises(RefusedError, match="occurred_at is more than 300 seconds ahead"):
        desk.take("wecom_added", occurred=later(301))
    assert desk.take("wecom_added", occurred=later(300)).recorded_at == later(0)
    # It cannot have happened after we were told, so what is known of it is that.
    assert rows(desk, "customers")[0]["wecom_added_at"] == "2026-07-01T01:00:00.000000+00:00"


def test_a_future_event_does_not_block_those_after_it(desk: Any, later: Later) -> None:
    desk.send("complaint_received", case_id="K1", topic="price", occurred=later(300))
    desk.send("complaint_received", case_id="K2", topic="price", received=later(1))
    assert desk.online("C1", "complaint_count_365d") == {"complaint_count_365d": 2}


def test_a_new_version_is_the_latest_with_the_milestone_set(desk: Any, later: Later) -> None:
    desk.take("quote_delivered", quote_id="Q1 C1", occurred=later(-3600))
    desk.take("quote_viewed", quote_id="Q1 C1", received=later(10), occurred=later(5))
    first, second = rows(desk, "quotes")
    assert first["viewed_at"] is None
    assert second == first | {
        "viewed_at": "2026-07-01T01:00:05.000000+00:00",
        "recorded_at": "2026-07-01T01:00:10.000000+00:00",
    }
    assert (second["premium"], second["delivered_at"]) == (
        "3100.00",
        "2026-07-01T00:00:00.000000+00:00",
    )


def test_of_two_reports_of_a_milestone_the_earlier_instant_counts(desk: Any, later: Later) -> None:
    for received, occurred in ((0, -60), (10, -600), (20, -30)):
        desk.take("entitlement_used", entitlement_id="E1 C1", received=later(received),
                  occurred=later(occurred))  # fmt: skip
    used = [row["used_at"] for row in rows(desk, "entitlements")]
    assert used[1:] == ["2026-07-01T00:50:00.000000+00:00"] * 2


def test_what_is_made_again_keeps_its_milestones(desk: Any, later: Later) -> None:
    desk.take("quote_made", quote_id="Q2", line="health", premium=100)
    desk.take("quote_viewed", quote_id="Q2", received=later(10))
    desk.take("quote_made", quote_id="Q2", line="health", received=later(20), premium=90,
              occurred=later(0))  # fmt: skip
    *_, last = rows(desk, "quotes")
    assert (last["premium"], last["viewed_at"]) == (90, "2026-07-01T01:00:10.000000+00:00")


def test_a_version_is_later_than_the_one_it_replaces(desk: Any) -> None:
    """The core system recorded the quote in the very microsecond in which we hear of it."""
    received = datetime(2026, 6, 20, 4, tzinfo=UTC)
    kept = desk.take("quote_viewed", quote_id="Q1 C1", received=received)
    assert kept.recorded_at == datetime(2026, 6, 20, 4, microsecond=1, tzinfo=UTC)
    assert desk.inbox.last_recorded(["C1"]) == {"C1": kept.recorded_at}


def test_what_is_recorded_later_is_not_known_yet(desk: Any) -> None:
    with pytest.raises(RefusedError, match="quote_id Q1 C1 is not known"):
        desk.take("quote_viewed", quote_id="Q1 C1", received=datetime(2026, 6, 19, tzinfo=UTC))


def test_a_home_in_another_time_zone_is_refused(desk: Any) -> None:
    path = desk.lake.checked("claims")
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"timezone": "Europe/Berlin"}), path)
    with pytest.raises(GuanjiaError, match="has the civil days of Europe/Berlin"):
        desk.fresh.prepare()


def test_every_kind_fits_its_contract() -> None:
    for one in EVENTS.values():
        columns = one.contract.declared
        assert {one.moment, *one.fields.values(), *one.fixed} <= set(columns)
        assert set(one.required) <= set(one.fields)
        # What is required of the row and not fixed must come from the event, or be there before.
        given = {"customer_id", "recorded_at", one.moment, *one.fixed}
        given |= {one.fields[name] for name in one.required}
        lacking = {name for name, column in columns.items() if not column.nullable} - given
        assert one.changes or lacking == set(), one.name
        assert Event(
            "e", one, "C1", datetime(2026, 7, 1, tzinfo=UTC), dict.fromkeys(one.fields, "K")
        ).key


def test_the_page_of_events_is_current() -> None:
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert page == render(), "run `make docs`"
