"""What passes to the successor of an account manager, and what stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.errors import GuanjiaError
from serving.records.contacts.caps import Caps, ContactRequest, mark_sent
from serving.records.database import Records
from serving.records.people.handover import managers_of, pass_branch
from serving.records.tables import contacts, handovers, manager_assignments

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
CALL = ContactRequest("C1", "x", "renewal", "service", "phone", NOW, "B1", account_manager_id="M1")
Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def at_work(records: Records, caps: Caps) -> Records:
    """M1 of B1 and B2, M3 of B1: contacts that are reserved, sent and expired."""
    with records.writing() as connection:
        others = (
            replace(CALL, customer_id="C8", account_manager_id="M3"),
            replace(CALL, customer_id="C9", branch="B2"),
        )
        for contact in others:
            history = caps.history(connection, contact.customer_id, NOW)
            caps.reserve(connection, contact, NOW, history)
        for number, at in enumerate((NOW, NOW, NOW - DAY)):
            wanted = replace(CALL, customer_id=f"C{number}", planned_at=at)
            history = caps.history(connection, wanted.customer_id, at)
            found = caps.reserve(connection, wanted, at, history)
            if number == 1:
                mark_sent(connection, found.contact_id, at)
    return records


def test_what_is_open_passes_on_and_history_stays(at_work: Records, rows: Rows) -> None:
    with at_work.writing() as connection:
        done = pass_branch(connection, "B1", "M1", "M2", "boss", NOW, customers=["C1", "C2", "C2"])
        assert managers_of(connection, ["C1", "C2", "C3"]) == {"C1": "M2", "C2": "M2"}
    assert (done.contacts, done.customers, done.repeated) == (1, 2, False)
    kept = {row["customer_id"]: row["account_manager_id"] for row in rows(contacts)}
    assert kept == {"C0": "M2", "C1": "M1", "C2": "M1", "C8": "M3", "C9": "M1"}
    (row,) = rows(handovers)
    assert {name: row[name] for name in row} == {
        name: value for name, value in vars(done).items() if name != "repeated"
    }


def test_again_changes_nothing(at_work: Records, rows: Rows) -> None:
    with at_work.writing() as connection:
        first = pass_branch(connection, "B1", "M1", "M2", "boss", NOW, customers=["C1"])
    tables = (contacts, manager_assignments, handovers)
    before = [rows(table) for table in tables]
    with at_work.writing() as connection:
        again = pass_branch(connection, "B1", "M1", "M2", "other", NOW + DAY, customers=["C1"])
    assert again == replace(first, repeated=True)
    assert [rows(table) for table in tables] == before


def test_who_passed_to_another_since_stays_there(at_work: Records) -> None:
    with at_work.writing() as connection:
        pass_branch(connection, "B1", "M1", "M2", "boss", NOW, customers=["C1", "C2"])
        second = pass_branch(connection, "B1", "M2", "M3", "boss", NOW)
        assert (second.contacts, second.customers) == (1, 2)
        third = pass_branch(connection, "B1", "M1", "M4", "boss", NOW + DAY, customers=["C1", "C9"])
        assert third.customers == 1
        found = managers_of(connection, ["C1", "C2", "C9"])
    assert found == {"C1": "M3", "C2": "M3", "C9": "M4"}


@pytest.mark.parametrize(
    ("branch", "leaver", "successor", "fault"),
    [
        ("B1", "M1", "M1", "handover of M1: goes to the leaver"),
        ("B1", "M9", "M2", "account manager M9 of B1: has nothing to pass on"),
        ("B9", "M1", "M2", "account manager M1 of B9: has nothing to pass on"),
    ],
)
def test_a_handover_that_is_none_is_refused(
    at_work: Records, rows: Rows, branch: str, leaver: str, successor: str, fault: str
) -> None:
    with at_work.writing() as connection, pytest.raises(GuanjiaError, match=fault):
        pass_branch(connection, branch, leaver, successor, "boss", NOW)
    assert rows(handovers) == []


def test_many_customers_pass_at_once(records: Records) -> None:
    customers = [f"C{number}" for number in range(1201)]
    with records.writing() as connection:
        done = pass_branch(connection, "B1", "M1", "M2", "boss", NOW, customers=customers)
        assert done.customers == 1201
        assert pass_branch(connection, "B1", "M1", "M2", "boss", NOW, customers=customers).repeated
        assert len(managers_of(connection, customers)) == 1201
