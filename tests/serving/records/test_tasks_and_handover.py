"""Tasks of account managers, and what passes to a successor."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from features.errors import GuanjiaError
from serving.records.contacts.caps import Caps, Reservation, Wanted, mark_sent
from serving.records.database import Records
from serving.records.people.handover_rows import handover, managers_of
from serving.records.people.tasks import Task, close_task, open_task, open_tasks
from serving.records.tables import contacts, handovers, manager_assignments, tasks

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
TASK = Task("C1", "B1", "M1", "renewal_30d", date(2026, 6, 2))
CALL = Wanted("C1", "x", "renewal", "service", "phone", NOW, "B1", account_manager_id="M1")
Rows = Callable[..., list[dict[str, Any]]]


def test_open_tasks_are_those_of_the_manager_by_day(records: Records) -> None:
    with records.writing() as connection:
        late = open_task(connection, replace(TASK, due_on=date(2026, 6, 9)), NOW)
        soon = open_task(connection, replace(TASK, note="先打电话"), NOW)
        open_task(connection, replace(TASK, account_manager_id="M2"), NOW)
        done = open_task(connection, TASK, NOW)
        assert close_task(connection, done, "done", NOW + DAY)
        assert not close_task(connection, done, "done", NOW + 2 * DAY)
        with pytest.raises(GuanjiaError, match=f"task {done}: is done"):
            close_task(connection, done, "dropped", NOW)
        with pytest.raises(GuanjiaError, match="task none: is not known"):
            close_task(connection, "none", "done", NOW)
    with records.reading() as connection:
        assert [row["task_id"] for row in open_tasks(connection, "M1")] == [soon, late]


@pytest.fixture
def at_work(records: Records, caps: Caps) -> Records:
    """M1 of B1 and B2: open and closed tasks, contacts reserved, sent and expired, customers."""
    with records.writing() as connection:
        for customer in ("C1", "C2"):
            open_task(connection, replace(TASK, customer_id=customer), NOW)
        close_task(connection, open_task(connection, TASK, NOW), "done", NOW)
        open_task(connection, replace(TASK, branch="B2"), NOW)
        open_task(connection, replace(TASK, account_manager_id="M3"), NOW)
        for number, at in enumerate((NOW, NOW, NOW - DAY)):
            wanted = replace(CALL, customer_id=f"C{number}", planned_at=at)
            found = caps.reserve(connection, wanted, at)
            assert isinstance(found, Reservation)
            if number == 1:
                mark_sent(connection, found.contact_id, at)
    return records


def test_what_is_open_passes_on_and_history_stays(at_work: Records, rows: Rows) -> None:
    with at_work.writing() as connection:
        done = handover(connection, "B1", "M1", "M2", "boss", NOW, customers=["C1", "C2", "C2"])
        assert managers_of(connection, ["C1", "C2", "C3"]) == {"C1": "M2", "C2": "M2"}
    assert (done.tasks, done.contacts, done.customers, done.repeated) == (2, 1, 2, False)
    owners = [(row["branch"], row["account_manager_id"], row["state"]) for row in rows(tasks)]
    assert sorted(owners) == [
        ("B1", "M1", "done"), ("B1", "M2", "open"), ("B1", "M2", "open"), ("B1", "M3", "open"),
        ("B2", "M1", "open"),
    ]  # fmt: skip
    kept = {row["customer_id"]: row["account_manager_id"] for row in rows(contacts)}
    assert kept == {"C0": "M2", "C1": "M1", "C2": "M1"}
    (row,) = rows(handovers)
    assert {name: row[name] for name in row} == {
        name: value for name, value in vars(done).items() if name != "repeated"
    }


def test_again_changes_nothing(at_work: Records, rows: Rows) -> None:
    with at_work.writing() as connection:
        first = handover(connection, "B1", "M1", "M2", "boss", NOW, customers=["C1"])
    tables = (tasks, contacts, manager_assignments, handovers)
    before = [rows(table) for table in tables]
    with at_work.writing() as connection:
        again = handover(connection, "B1", "M1", "M2", "other", NOW + DAY, customers=["C1"])
    assert again == replace(first, repeated=True)
    assert [rows(table) for table in tables] == before


def test_who_passed_to_another_since_stays_there(at_work: Records) -> None:
    with at_work.writing() as connection:
        handover(connection, "B1", "M1", "M2", "boss", NOW, customers=["C1", "C2"])
        second = handover(connection, "B1", "M2", "M3", "boss", NOW)
        assert (second.tasks, second.contacts, second.customers) == (2, 1, 2)
        third = handover(connection, "B1", "M1", "M4", "boss", NOW + DAY, customers=["C1", "C9"])
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
        handover(connection, branch, leaver, successor, "boss", NOW)
    assert rows(handovers) == []


def test_many_customers_pass_at_once(records: Records) -> None:
    customers = [f"C{number}" for number in range(1201)]
    with records.writing() as connection:
        done = handover(connection, "B1", "M1", "M2", "boss", NOW, customers=customers)
        assert done.customers == 1201
        assert handover(connection, "B1", "M1", "M2", "boss", NOW, customers=customers).repeated
        assert len(managers_of(connection, customers)) == 1201
