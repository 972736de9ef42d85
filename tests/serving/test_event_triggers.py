"""What an event makes due at once, when, and whether it still is when its time has come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.events.event_types import EVENTS, Event
from serving.touchpoints.catalogue import Catalogue, load_touchpoints, shipped_touchpoints
from serving.touchpoints.due import CONTACTED, Customer
from serving.touchpoints.endings import Past
from serving.touchpoints.event_triggers import DueTouchpoint, still_due, triggered_by

CATALOGUE = shipped_touchpoints()
ZONE = ZoneInfo("Asia/Shanghai")
ALONE = Past()
NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
VIEWED = {
    "renewal_quote_viewed": True,
    "commercial_renewal_signed": False,
    "commercial_cancellation_known": False,
}


def event(kind: str, at: datetime = NOON, **fields: Any) -> Event:
    return Event("E1", EVENTS[kind], "C1", at, fields)


def holds(
    catalogue: Catalogue, due: DueTouchpoint, tags: dict[str, Any], at: datetime, past: Past = ALONE
) -> bool:
    """Whether it is still due to whoever has these tags."""
    kind = {"quote_viewed_not_paid": "quote_viewed", "accident_care": "claim_reported"}
    customer = Customer(tags, at.astimezone(ZONE).date(), ZONE, past)
    return still_due(catalogue, due, customer, at, kind[due.touchpoint], NOON)


@pytest.mark.parametrize(
    ("kind", "tags", "expected"),
    [
        ("claim_reported", {"open_claims": 1}, {"accident_care": 30}),
        ("quote_viewed", VIEWED, {"quote_viewed_not_paid": 1440}),
        ("quote_viewed", {**VIEWED, "commercial_renewal_signed": True}, {}),
        ("quote_viewed", {**VIEWED, "commercial_renewal_signed": None}, {}),
        ("quote_viewed", {}, {}),
        ("quote_delivered", {"renewal_quote_delivered": True, "renewal_quote_viewed": False,
                             "commercial_renewal_signed": False}, {"quote_reached": 1440}),
        ("payment_started", {}, {"e_signature_and_payment": 30}),
        ("payment_started", {"commercial_renewal_signed": True}, {}),
        ("mini_program_bound", {"entitlements_open": 3, "days_since_mini_program_bound": 0},
         {"entitlement_notice": 10}),
        ("mini_program_bound", {"entitlements_open": 0, "days_since_mini_program_bound": 0}, {}),
        ("wecom_added", {"days_since_wecom_added": 0}, {"account_manager_notice": 5}),
        ("entitlement_used", {"entitlement_used_count_365d": 1}, {"entitlement_follow_up": 1440}),
        ("complaint_received", {"open_complaints": 1}, {}),
    ],
)  # fmt: skip
def test_what_an_event_makes_due(kind: str, tags: dict[str, Any], expected: dict[str, int]) -> None:
    found = triggered_by(CATALOGUE, event(kind), tags)
    assert {one.touchpoint: (one.due_at - NOON) for one in found} == {
        name: timedelta(minutes=minutes) for name, minutes in expected.items()
    }


def test_a_star_chooses_the_channels() -> None:
    (plain,) = triggered_by(CATALOGUE, event("claim_reported"), {"open_claims": 1})
    (five,) = triggered_by(CATALOGUE, event("claim_reported"), {"open_claims": 1, "star_level": 5})
    assert (plain.channels, plain.service, plain.star) == (
        ("phone", "wecom", "sms"), "standard", None,
    )  # fmt: skip
    assert (five.channels, five.service, five.star) == (("phone", "wecom"), "steward", 5)
    assert (five.kind, five.by, five.reason) == ("service", "person", "报案 E1")


@pytest.mark.parametrize(
    ("reported", "due"),
    [
        ("2026-07-01T07:00+08:00", "2026-07-01T08:00+08:00"),
        ("2026-07-01T07:30+08:00", "2026-07-01T08:00+08:00"),
        ("2026-07-01T20:29+08:00", "2026-07-01T20:59+08:00"),
        ("2026-07-01T20:30+08:00", "2026-07-02T08:00+08:00"),
        ("2026-07-01T23:45+08:00", "2026-07-02T08:00+08:00"),
    ],
)
def test_a_contact_keeps_to_its_hours(reported: str, due: str) -> None:
    at = datetime.fromisoformat(reported)
    (found,) = triggered_by(CATALOGUE, event("claim_reported", at), {"open_claims": 1})
    assert found.due_at == datetime.fromisoformat(due)


@given(st.integers(0, 365 * 24 * 3600))
def test_whenever_it_happens_the_contact_is_in_its_hours_and_not_before(second: int) -> None:
    at = NOON + timedelta(seconds=second)
    (found,) = triggered_by(CATALOGUE, event("claim_reported", at), {"open_claims": 1})
    assert found.due_at >= at + timedelta(minutes=30)
    assert found.due_at - at < timedelta(hours=12)
    assert 8 <= (found.due_at + timedelta(hours=8)).hour < 21
    assert found.due_at < found.until == at + timedelta(days=3)


def test_who_paid_meanwhile_is_not_due_any_more() -> None:
    (due,) = triggered_by(CATALOGUE, event("quote_viewed"), VIEWED)
    paid = {**VIEWED, "commercial_renewal_signed": True}
    assert holds(CATALOGUE, due, VIEWED, due.due_at)
    assert not holds(CATALOGUE, due, paid, due.due_at)
    assert not holds(CATALOGUE, due, VIEWED, due.due_at - timedelta(seconds=1))
    assert not holds(CATALOGUE, due, VIEWED, due.until)
    assert holds(CATALOGUE, replace(due, event_id="E2"), VIEWED, due.due_at)


def test_a_contact_since_the_event_is_enough_whoever_made_it() -> None:
    (due,) = triggered_by(CATALOGUE, event("quote_viewed"), VIEWED)
    second = timedelta(seconds=1)

    def left(ours: datetime | None = None, theirs: datetime | None = None) -> bool:
        name = "quote_viewed_not_paid"
        past = Past({name: ours} if ours else {})
        tags = {**VIEWED, CONTACTED: f"{name}:{theirs.timestamp():.0f}" if theirs else None}
        return holds(CATALOGUE, due, tags, due.due_at, past)

    assert left()
    assert left(ours=NOON - second)
    assert not left(ours=NOON)
    assert left(theirs=NOON - second)
    assert not left(theirs=NOON)


def test_a_renewal_that_is_reported_ends_what_an_event_made_due() -> None:
    (due,) = triggered_by(CATALOGUE, event("quote_viewed"), VIEWED)
    known = {**VIEWED, "as_of": NOON.date(), "days_since_last_motor_signing": 0}
    renewed = Past(renewed=NOON - timedelta(days=1))
    assert not holds(CATALOGUE, due, VIEWED, due.due_at, renewed)
    # The tags know of a signing since then: they say by themselves what is left.
    assert holds(CATALOGUE, due, known, due.due_at, renewed)
    assert holds(CATALOGUE, due, VIEWED, due.due_at, Past(renewed=NOON - timedelta(days=90)))


def test_a_branch_that_left_a_touchpoint_out_is_not_triggered(home: Path) -> None:
    home.mkdir()
    own = home / "touchpoints.toml"
    own.write_text("[branch.B01]\naccident_care = false\n", encoding="utf-8")
    catalogue = load_touchpoints(home)
    tags = {"open_claims": 1, "branch": "B02"}
    (due,) = triggered_by(catalogue, event("claim_reported"), tags)
    assert triggered_by(catalogue, event("claim_reported"), {**tags, "branch": "B01"}) == []
    assert not holds(catalogue, due, {**tags, "branch": "B01"}, due.due_at)
