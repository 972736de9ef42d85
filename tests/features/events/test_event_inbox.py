"""The inbox keeps each event once, in one order, for good."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.events.event_types import EVENTS, Event, plain, typed
from features.events.inbox import ConflictError, EventInbox
from features.lake import Lake
from features.settings import Settings

NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
Row = dict[str, Any]


def complaint(name: str, customer: str = "C1", **fields: Any) -> Event:
    given_fields = {"case_id": name, "topic": "claims", "claim_id": None, **fields}
    return Event(name, EVENTS["complaint_received"], customer, NINE, given_fields)


def version_of(event: Event) -> Callable[[datetime, Row | None], Row]:
    return lambda recorded_at, latest: event.row(latest, recorded_at)


@pytest.fixture
def inbox(tmp_path: Path) -> EventInbox:
    return EventInbox(Lake(Settings(home=tmp_path)))


def test_an_event_sent_twice_is_kept_once(inbox: EventInbox) -> None:
    first = inbox.store(complaint("e1"), NINE, version_of(complaint("e1")))
    again = inbox.store(complaint("e1"), NINE + timedelta(1), version_of(complaint("e1")))
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.sequence, again.recorded_at) == (first.sequence, first.recorded_at)
    assert [len(batch) for batch in inbox.rows("surveys_and_complaints")] == [1]


@pytest.mark.parametrize(
    "other",
    [
        complaint("e1", topic="price"),
        complaint("e1", customer="C2"),
        Event("e1", EVENTS["wecom_added"], "C1", NINE, {}),
        Event("e1", EVENTS["complaint_received"], "C1", NINE + TICK, complaint("e1").fields),
    ],
)
def test_an_id_belongs_to_one_event(inbox: EventInbox, other: Event) -> None:
    inbox.store(complaint("e1"), NINE, version_of(complaint("e1")))
    with pytest.raises(ConflictError, match="event e1: was sent before with other content"):
        inbox.store(other, NINE, version_of(other))


def test_the_same_said_otherwise_is_the_same(inbox: EventInbox) -> None:
    """Another time zone, and a field that is null instead of left out."""
    inbox.store(complaint("e1"), NINE, version_of(complaint("e1")))
    zone = datetime.fromisoformat("2026-07-01T09:00:00+08:00")
    same = Event(
        "e1", EVENTS["complaint_received"], "C1", zone, {"case_id": "e1", "topic": "claims"}
    )
    assert inbox.store(same, NINE, version_of(same)).repeated


def test_recorded_later_than_the_one_before(inbox: EventInbox) -> None:
    """Of one instant, of a clock set back, and of another customer, who has an order of his own."""
    times = [(NINE, "C1"), (NINE, "C1"), (NINE - timedelta(hours=1), "C1"), (NINE, "C2")]
    found = []
    for number, (received, customer) in enumerate(times):
        event = complaint(f"e{number}", customer)
        found.append(inbox.store(event, received, version_of(event)).recorded_at)
    assert found == [NINE, NINE + TICK, NINE + 2 * TICK, NINE]
    assert inbox.last_recorded(["C1", "C2", "C3"]) == {"C1": NINE + 2 * TICK, "C2": NINE}


def test_a_refusal_keeps_nothing(inbox: EventInbox) -> None:
    def refuse(recorded_at: datetime, latest: Row | None) -> Row:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        inbox.store(complaint("e1"), NINE, refuse)
    assert inbox.waiting_customers() == []
    assert not inbox.store(complaint("e1"), NINE, version_of(complaint("e1"))).repeated


def test_many_at_once_are_all_kept_in_one_order(inbox: EventInbox) -> None:
    """Each sees the version before it: none is lost between reading and writing."""

    def keep(number: int) -> datetime:
        event = complaint(f"e{number}", case_id="K1")

        def counted(recorded_at: datetime, latest: Row | None) -> Row:
            row = event.row(latest, recorded_at)
            return row | {"score": (latest or {}).get("score", 0) + 1 if latest else 1}

        return inbox.store(event, NINE, counted).recorded_at

    with ThreadPoolExecutor(8) as threads:
        recorded = list(threads.map(keep, range(40)))
    assert sorted(recorded) == [NINE + number * TICK for number in range(40)]
    latest = inbox._latest(complaint("x", case_id="K1"))
    assert latest is not None
    assert latest["score"] == 40


def test_what_is_online_is_noted(inbox: EventInbox) -> None:
    one, two = complaint("e1"), complaint("e2", "C2")
    kept = [inbox.store(event, NINE, version_of(event)) for event in (one, two)]
    assert sorted(inbox.waiting_customers()) == ["C1", "C2"]
    assert len(inbox.waiting_customers(1)) == 1
    inbox.mark_online([kept[0].sequence])
    assert [inbox.is_online(one.sequence) for one in kept] == [True, False]
    assert inbox.waiting(["C1"]) == []
    assert inbox.since(NINE + TICK) == []
    assert [row[1] for row in inbox.since(NINE)] == ["C1", "C2"]
    inbox.mark_past_online(NINE)
    assert inbox.waiting_customers() == ["C2"]
    inbox.mark_past_online(NINE + TICK)
    assert inbox.waiting_customers() == []


def test_a_home_without_events_stays_without_a_file(inbox: EventInbox) -> None:
    assert (list(inbox.rows("claims")), inbox.tables(), inbox.waiting_customers()) == (
        [],
        set(),
        [],
    )
    assert not inbox.path.exists()


@given(
    row=st.fixed_dictionaries(
        {
            "quoted_at": st.datetimes(timezones=st.just(UTC)),
            "premium": st.none() | st.decimals(0, 10**11, places=2),
            "quote_id": st.text(st.characters(blacklist_categories=["Cs"])),
        }
    )
)
def test_a_row_comes_back_as_it_was(row: Row) -> None:
    types = EVENTS["quote_made"].contract.columns
    assert {name: typed(plain(value), types[name]) for name, value in row.items()} == row


def test_days_and_amounts_come_back_as_they_were() -> None:
    types = EVENTS["entitlement_used"].contract.columns
    assert typed(plain(date(2027, 6, 1)), types["expires_on"]) == date(2027, 6, 1)
    assert typed(plain(Decimal("80.00")), types["unit_cost"]) == Decimal("80.00")
