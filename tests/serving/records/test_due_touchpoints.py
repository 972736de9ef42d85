"""What is due is kept once, told in order, and not told again once somebody has seen to it."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from serving.records.contacts.caps import Caps, ContactRequest, Reservation, mark_not_sent
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.contacts.due_touchpoints import (
    NewDue,
    StoredDue,
    due_of_events,
    list_open_due,
    write_due,
)
from serving.records.database import Records
from serving.records.people.erase_records import erase_from_records
from serving.records.tables import due_touchpoints
from serving.touchpoints.event_triggers import DueTouchpoint

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DUE = DueTouchpoint("C1", "accident_care", "E1", "报案 E1", NOON + HOUR, NOON + 3 * DAY, "service",
                    "person", ("phone", "wecom"), "steward", 5)  # fmt: skip
FOUND = NewDue(DUE, "claim_reported", NOON, "B1")
Rows = Callable[..., list[dict[str, Any]]]


def found(event: str, at: datetime = NOON + HOUR, branch: str | None = "B1") -> NewDue:
    due = replace(DUE, event_id=event, customer_id=f"C{event}", due_at=at)
    return replace(FOUND, due=due, branch=branch)


def keep(records: Records, *some: NewDue) -> None:
    with records.writing() as connection:
        write_due(connection, some, NOON)


def listed(
    records: Records,
    now: datetime = NOON + HOUR,
    by: datetime | None = None,
    most: int = 100,
    branches: Collection[str] | None = None,
    **more: str | None,
) -> list[StoredDue]:
    with records.reading() as connection:
        return list_open_due(connection, now, by or now, most, branches=branches, **more)  # type: ignore[arg-type]


def events(rows: list[StoredDue]) -> list[str]:
    return [one.due.event_id for one in rows]


def test_a_due_touchpoint_is_given_back_as_it_was_written(records: Records) -> None:
    keep(records, FOUND, replace(FOUND, due=replace(DUE, event_id="E2", star=None)))
    with records.reading() as connection:
        (one,) = due_of_events(connection, ["E1", "none"])
        (unrated,) = due_of_events(connection, ["E2"])
    assert (one.due, one.event_type, one.occurred_at, one.branch) == (
        DUE, "claim_reported", NOON, "B1",
    )  # fmt: skip
    assert unrated.due.star is None


def test_a_touchpoint_is_due_once_for_an_event(records: Records, rows: Rows) -> None:
    keep(records, FOUND, replace(FOUND, due=replace(DUE, touchpoint="other")))
    before = rows(due_touchpoints)
    keep(records, replace(FOUND, due=replace(DUE, due_at=NOON)), FOUND)
    assert rows(due_touchpoints) == before
    assert len(before) == 2
    with pytest.raises(IntegrityError), records.writing() as connection:
        connection.execute(due_touchpoints.insert(), before[0] | {"due_id": "another"})


def test_from_when_it_is_due_until_it_is_timely_no_more(records: Records) -> None:
    keep(records, FOUND)
    tick = timedelta(microseconds=1)
    assert listed(records, NOON + HOUR - tick) == []
    assert events(listed(records, NOON + HOUR)) == ["E1"]
    assert events(listed(records, NOON, by=NOON + HOUR)) == ["E1"]
    assert events(listed(records, DUE.until - tick)) == ["E1"]
    assert listed(records, DUE.until) == []


def test_pages_go_on_where_the_one_before_ended(records: Records) -> None:
    # Three at one instant: their order is that of their numbers, and no page ends in a tie unseen.
    keep(records, found("3", NOON + HOUR), found("1", NOON), found("2", NOON), found("0", NOON))
    whole = events(listed(records))
    assert (sorted(whole[:3]), whole[3]) == (["0", "1", "2"], "3")
    paged: list[str] = []
    after = None
    while page := listed(records, most=1, after=after):
        paged += events(page)
        after = page[-1].place
    assert paged == whole


def test_of_some_branches_alone_only_their_customers_are_listed(records: Records) -> None:
    keep(records, found("1"), found("2", branch="B2"), found("3", branch=None))
    assert sorted(events(listed(records))) == ["1", "2", "3"]
    assert events(listed(records, branches=["B2"])) == ["2"]
    assert listed(records, branches=[]) == []


def test_what_was_made_or_has_its_place_is_not_told_again(
    records: Records, caps: Caps, reserve_contact: Callable[..., Reservation]
) -> None:
    keep(records, FOUND)
    call = ContactRequest(
        "C1", "accident_care", "claims", "service", "phone", NOON, cost=Decimal(1)
    )
    with records.writing() as connection:
        reserve_contact(caps, connection, replace(call, planned_at=NOON - HOUR), NOON)
        reserve_contact(caps, connection, replace(call, touchpoint="birthday"), NOON)
        reserve_contact(caps, connection, replace(call, customer_id="C2"), NOON)
    assert events(listed(records)) == ["E1"]
    with records.writing() as connection:
        place = reserve_contact(caps, connection, call, NOON)
    assert listed(records) == []
    # Nobody says that it was made: its place expires, and it is due again.
    assert events(listed(records, place.reserved_until)) == ["E1"]
    with records.writing() as connection:
        mark_not_sent(connection, place.contact_id)
    assert events(listed(records)) == ["E1"]


def test_what_was_decided_to_be_left_is_not_told_again_to_who_asked(records: Records) -> None:
    keep(records, FOUND)
    (one,) = listed(records)
    silence = Decision("C1", "daily_batch", NOON, {})
    with records.writing() as connection:
        write_decision(connection, silence, client_key=f"other {one.due_id}")
        acted = replace(silence, touchpoint="accident_care")
        write_decision(connection, acted, client_key=f"first {one.due_id}")
    assert events(listed(records, subject="engine")) == ["E1"]
    assert events(listed(records, subject="first")) == ["E1"]
    assert listed(records, subject="other") == []


def test_due_touchpoints_are_erased_with_the_customer(records: Records, rows: Rows) -> None:
    keep(records, FOUND, found("2"))
    with records.writing() as connection:
        receipt = erase_from_records(connection, "C1", "boss", NOON, b"k" * 32)
    assert receipt.rows == {"due_touchpoints": 1}
    assert [row["customer_id"] for row in rows(due_touchpoints)] == ["C2"]
