"""When outcomes count: between the reservation and now, on the stricter day, and so it is said."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from serving.records.contacts.caps import Caps, ContactRefusedError, ContactRequest, Reservation
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.contacts.outcomes import KINDS, Outcome, StoredOutcome, note_outcome
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, consents_as_of, write_consent
from serving.records.tables import contacts, outcomes

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)  # 10 o'clock on a Monday in Shanghai
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALL = ContactRequest("C1", "renewal_30d", "renewal", "marketing", "phone", NOW)
APP = replace(CALL, channel="app")
Ask = Callable[..., Reservation | str]


@pytest.fixture
def ask(records: Records, caps: Caps, reserve_contact: Callable[..., Reservation]) -> Ask:
    """Reserve a contact: its place, or the rule that holds it back."""

    def reserve(
        contact: ContactRequest, at: datetime, planned_at: datetime | None = None
    ) -> Reservation | str:
        with records.writing() as connection:
            try:
                planned = replace(contact, planned_at=planned_at or at)
                return reserve_contact(caps, connection, planned, at)
            except ContactRefusedError as refusal:
                return refusal.rule

    return reserve


def place(found: Reservation | str) -> str:
    assert isinstance(found, Reservation), found
    return found.contact_id


def tell(records: Records, kind: str, at: datetime, now: datetime, **named: Any) -> StoredOutcome:
    with records.writing() as connection:
        return note_outcome(connection, Outcome(kind, at, **named), now)


BOUNDS = {
    "a year before": (-400 * DAY, NOW),
    "just before": (-MINUTE, NOW),
    "between": (MINUTE, NOW + MINUTE),
    "ahead": (9 * DAY, NOW + HOUR),
}
"""When it is reported to have occurred, from the reservation on; and when it counts, told later."""


def test_an_outcome_lies_between_the_reservation_and_now(
    records: Records, ask: Ask, rows: Any
) -> None:
    expected = {}
    for kind in KINDS:
        for told, counts in BOUNDS.values():
            contact = place(ask(replace(APP, customer_id=f"{kind} {told}"), NOW))
            stored = tell(records, kind, NOW + told, NOW + HOUR, contact_id=contact)
            reported = None if counts == NOW + told else NOW + told
            assert (stored.occurred_at, stored.reported_at) == (counts, reported)
            expected[stored.outcome_id] = counts, reported
    found = {row["outcome_id"]: (row["occurred_at"], row["reported_at"]) for row in rows(outcomes)}
    assert found == expected


def test_an_outcome_of_silence_is_not_earlier_than_the_decision(records: Records) -> None:
    with records.writing() as connection:
        number = write_decision(connection, Decision("C1", "app_open", NOW, {})).decision_id
    stored = tell(records, "renewed", NOW - DAY, NOW + HOUR, decision_id=number)
    assert (stored.occurred_at, stored.reported_at) == (NOW, NOW - DAY)


def test_a_report_sent_again_says_the_same(records: Records, ask: Ask) -> None:
    early = Outcome("sent", NOW - DAY, contact_id=place(ask(APP, NOW)))
    with records.writing() as connection:
        first = note_outcome(connection, early, NOW + HOUR, client_key="k")
        again = note_outcome(connection, early, NOW + DAY, client_key="k")
    assert again == replace(first, repeated=True, contact_id=None)


@pytest.mark.parametrize("kind", ["sent", "delivered", "connected", "no_answer"])
def test_six_calls_in_a_minute_are_one_whatever_their_date(
    records: Records, ask: Ask, kind: str
) -> None:
    said = []
    for second in range(6):
        at = NOW + timedelta(seconds=second)
        found = ask(CALL, at)
        said.append(found if isinstance(found, str) else "called")
        if isinstance(found, Reservation):
            tell(records, kind, at - 2 * DAY, at, contact_id=found.contact_id)
    assert said == ["called", *["marketing_phone_week"] * 5]


def test_a_contact_counts_on_the_day_planned_and_on_the_day_made(
    records: Records, ask: Ask, rows: Any
) -> None:
    evening, morning = NOW + 12 * HOUR, NOW + 22 * HOUR  # 22 o'clock, and 8 o'clock on Tuesday
    contact = place(ask(APP, evening, morning))
    tell(records, "sent", evening, evening + MINUTE, contact_id=contact)
    (row,) = rows(contacts)
    assert (row["planned_day"], row["local_day"]) == (date(2026, 6, 2), date(2026, 6, 1))
    assert ask(APP, evening + MINUTE, morning) == "marketing_day"
    assert ask(APP, NOW + 11 * HOUR) == "marketing_day"
    # In a week it is one contact and not two: one more is allowed, and no third.
    second = place(ask(APP, NOW + 2 * DAY))
    tell(records, "sent", NOW + 2 * DAY, NOW + 2 * DAY, contact_id=second)
    assert ask(APP, NOW + 3 * DAY) == "marketing_week"


@pytest.mark.parametrize("told", [timedelta(0), -40 * DAY, -20_000 * DAY])
@pytest.mark.parametrize("of_contact", [True, False])
def test_peace_begins_when_we_hear_of_a_refusal(
    records: Records, ask: Ask, told: timedelta, of_contact: bool
) -> None:
    named = {"contact_id": place(ask(APP, NOW))} if of_contact else {"customer_id": "C1"}
    heard = NOW + 3 * DAY
    tell(records, "refused", NOW + told, heard, **named)
    assert ask(APP, heard + 29 * DAY) == "cooling_off"
    place(ask(APP, heard + 30 * DAY))


def test_an_opt_out_dated_early_undoes_the_consent_before_its_contact(
    records: Records, ask: Ask
) -> None:
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "marketing", True, NOW - DAY, "app"), NOW)
    contact = place(ask(APP, NOW))
    tell(records, "opted_out", NOW - 30 * DAY, NOW + HOUR, contact_id=contact)
    with records.reading() as connection:
        assert consents_as_of(connection, "C1", NOW + HOUR).marketing_by("app") is False
    assert ask(APP, NOW + 8 * DAY) == "opted_out"
