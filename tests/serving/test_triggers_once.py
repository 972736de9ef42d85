"""A contact already made, as far as is known, is not due again for the same term, event or year."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from features.lake import Lake
from serving.touchpoints.triggers import find_due

DAY = date(2026, 6, 30)
IN_FORCE = {"motor_policies_in_force": 1, "motor_policies_ahead": 0}
Tags = dict[str, Any]
Write = Callable[..., None]
Found = Callable[..., dict[tuple[str, str], dict[str, Any]]]


def test_a_contact_made_for_the_same_term_is_enough(contacts: Write, found: Found) -> None:
    # The window of the 60th day opened on 21 June: 50 days are left on 1 July.
    def made(number: str, day: str, touchpoint: str = "renewal_60d", **more: Any) -> Tags:
        who = {"customer_id": number, "touchpoint": touchpoint, "day": date.fromisoformat(day)}
        return {**who, **more}

    later = datetime(2026, 7, 1, 2, tzinfo=UTC)
    contacts(
        made("made", "2026-06-21"),
        made("last_year", "2025-06-22"),
        made("before_the_window", "2026-06-20"),
        made("another_touchpoint", "2026-06-25", "renewal_30d"),
        made("called_us", "2026-06-25", direction="in"),
        made("nobody_answered", "2026-06-25", result="no_answer"),
        made("result_unknown", "2026-06-25", result=None),
        made("told_later", "2026-06-25", recorded_at=later),
        made("of_tomorrow", "2026-07-01", recorded_at=datetime(2026, 6, 29, tzinfo=UTC)),
        made("corrected_away", "2026-06-25", superseded_at=datetime(2026, 6, 26, tzinfo=UTC)),
        made("corrected_later", "2026-06-25", superseded_at=later),
    )
    names = [
        "never", "made", "last_year", "before_the_window", "another_touchpoint", "called_us",
        "nobody_answered", "result_unknown", "told_later", "of_tomorrow", "corrected_away",
        "corrected_later",
    ]  # fmt: skip
    pairs = found(DAY, **{name: {"days_to_unrenewed_expiry": 51} for name in names})
    left_out = set(names) - {customer for customer, _ in pairs}
    assert left_out == {"made", "result_unknown", "corrected_later"}


def test_a_contact_since_the_event_is_enough_and_one_before_is_not(
    contacts: Write, found: Found
) -> None:
    point = {"touchpoint": "payment_confirmation"}
    contacts(
        {"customer_id": "on_the_day", "day": date(2026, 6, 29), **point},
        {"customer_id": "before", "day": date(2026, 6, 28), **point},
    )
    paid = {"days_since_last_claim_paid": 1}
    pairs = found(DAY, on_the_day=paid, before=paid)
    assert [customer for customer, _ in pairs] == ["before"]


def test_once_a_year_is_not_twice_within_365_days(contacts: Write, found: Found) -> None:
    point = {"touchpoint": "birthday"}
    contacts(
        {"customer_id": "last_birthday", "day": date(2025, 7, 1), **point},
        {"customer_id": "a_day_late", "day": date(2025, 7, 2), **point},
    )
    tomorrow = {**IN_FORCE, "days_to_next_birthday": 1}
    assert [
        customer for customer, _ in found(DAY, last_birthday=tomorrow, a_day_late=tomorrow)
    ] == ["last_birthday"]


def test_without_contacts_recorded_nobody_is_left_out_and_that_is_said(
    lake: Lake, contacts: Write, snapshot: Write
) -> None:
    snapshot(lake.home, DAY, {"C1": {"days_to_unrenewed_expiry": 51}})
    assert find_due(lake, DAY).contacts == "not recorded"
    contacts()
    assert find_due(lake, DAY).contacts == "checked"
