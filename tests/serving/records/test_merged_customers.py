"""Caps, consents and account managers of merged customers follow to the number that goes on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serving.records.contacts.caps import Caps, ContactRefusedError, ContactRequest, Reservation
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, consents_as_of, write_consent
from serving.records.people.handover import managers_of, pass_branch
from serving.records.people.merged_customers import follow_merges
from serving.records.tables import contacts, outcomes

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)  # ten in the morning there
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OLD = ContactRequest("C2", "renewal_30d", "renewal", "marketing", "sms", NOW)
Reserve = Callable[..., Reservation]
OWNERS = {"C2": "C1", "C8": "C9"}


def test_contacts_of_both_numbers_count_under_the_caps(
    records: Records, caps: Caps, reserve_contact: Reserve, rows: Callable[..., list[Any]]
) -> None:
    new = replace(OLD, customer_id="C1", planned_at=NOW + HOUR)
    with records.writing() as connection:
        contact = reserve_contact(caps, connection, OLD, NOW).contact_id
        note_outcome(connection, Outcome("sent", NOW, contact_id=contact), NOW)
    with records.writing() as connection:
        assert follow_merges(connection, OWNERS, NOW) == 2  # the contact and its outcome
    assert {row["customer_id"] for row in [*rows(contacts), *rows(outcomes)]} == {"C1"}
    with records.writing() as connection, pytest.raises(ContactRefusedError):
        reserve_contact(caps, connection, new, NOW + HOUR)
    with records.writing() as connection:
        assert follow_merges(connection, OWNERS, NOW) == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [(False, True, False), (True, False, False), (True, True, True), (False, None, False)],
)
def test_the_stricter_consent_counts(
    records: Records, old: bool, new: bool | None, expected: bool
) -> None:
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C2", "marketing", old, NOW), NOW)
        if new is not None:  # said later than the old one
            change = ConsentChange("C1", "marketing", new, NOW + DAY)
            write_consent(connection, change, NOW + DAY)
        follow_merges(connection, OWNERS, NOW + 2 * DAY)
        assert consents_as_of(connection, "C1", NOW + 3 * DAY).marketing is expected
        write_consent(
            connection, ConsentChange("C1", "marketing", True, NOW + 4 * DAY), NOW + 4 * DAY
        )
        assert consents_as_of(connection, "C1", NOW + 5 * DAY).marketing is True


def test_who_looks_after_them_stays(records: Records) -> None:
    with records.writing() as connection:
        pass_branch(connection, "B1", "M1", "M2", "Li", NOW, customers=["C2"])
        pass_branch(connection, "B1", "M3", "M4", "Li", NOW, customers=["C8", "C9"])
        assert follow_merges(connection, OWNERS, NOW) == 1
        assert managers_of(connection, ["C1", "C2", "C8", "C9"]) == {"C1": "M2", "C9": "M4"}
