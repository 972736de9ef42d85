"""Laws of the caps: no history of contacts ever exceeds a rule."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from counted_windows import CHINA, RULES, START, exceeded
from hypothesis import given, settings
from hypothesis import strategies as st

from features.settings import Settings
from serving.records.contacts.cap_rules import ContactTraits, fits, next_free, strongest_block
from serving.records.contacts.caps import (
    Caps,
    ContactRefusedError,
    ContactRequest,
    Reservation,
    mark_not_sent,
    mark_sent,
)
from serving.records.contacts.history import CountedContact, History
from serving.records.database import Records

days = st.integers(0, 50)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("reserve"),
            st.sampled_from(["marketing", "service"]),
            st.sampled_from(["sms", "app"]),
            st.sampled_from(["claims", "renewal"]),
            st.sampled_from([None, "spring", "summer"]),
            st.integers(0, 10 * 24),  # planned so many hours ahead
        ),
        st.tuples(st.sampled_from(["release", "sent"]), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.integers(1, 24 * 20)),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    """Records of the whole module: each example has a customer of its own."""
    found = Records(Settings(home=tmp_path_factory.mktemp("laws"), database=None))
    found.migrate()
    yield found
    found.close()


@settings(max_examples=300, deadline=None)
@given(steps)
def test_no_history_exceeds_a_rule(
    records: Records,
    reserve_contact: Callable[..., Reservation],
    steps: list[tuple],  # type: ignore[type-arg]
) -> None:
    """Reserve, release, send and wait at random, and recount everything after each step."""
    caps, customer, now = Caps(RULES, "Asia/Shanghai"), uuid.uuid4().hex, START
    held: dict[str, tuple[ContactRequest, datetime | None]] = {}  # until when; None: sent
    made: dict[str, datetime] = {}
    for step in steps:
        if step[0] == "wait":
            now += timedelta(hours=step[1])
            continue
        new = None
        with records.writing() as connection:
            if step[0] == "reserve":
                _, purpose, channel, family, campaign, ahead = step
                wanted = ContactRequest(
                    customer, "x", family, purpose, channel, now + timedelta(hours=ahead),
                    campaign=campaign,
                )  # fmt: skip
                with suppress(ContactRefusedError):
                    place = reserve_contact(caps, connection, wanted, now)
                    held[place.contact_id], new = (wanted, place.reserved_until), wanted
            elif held:
                number = list(held)[step[1] % len(held)]
                wanted, until = held[number]
                if step[0] == "release":
                    mark_not_sent(connection, number)
                    del held[number]
                elif until is not None and until > now:
                    made[number] = now  # earlier or later than planned: it counts on both days
                    mark_sent(connection, number, now)
                    held[number] = (wanted, None)
        counted = [
            (one, made.get(number))
            for number, (one, until) in held.items()
            if until is None or until > now
        ]
        # A service contact that passes a rule may fill it beyond the brim; and nothing undoes a
        # contact that was made on another day than planned, but none is added to a full window.
        for name, rule in RULES.rules.items():
            if new is not None and not (rule.service_passes and new.purpose == "service"):
                assert not exceeded(rule, counted, new), (name, step)
        assert new is None or (
            new.channel != "sms" or 9 <= new.planned_at.astimezone(CHINA).hour < 21
        )


@given(
    st.lists(st.frozensets(days, min_size=1, max_size=2), max_size=12),
    days,
    st.integers(1, 31),
    st.integers(0, 4),
)
def test_fits_is_counting_every_window(
    there: list[frozenset[int]], day: int, width: int, most: int
) -> None:
    windows = [set(range(first, first + width)) for first in range(day - width + 1, day + 1)]
    fullest = max(sum(not window.isdisjoint(one) for one in there) for window in windows)
    assert fits(there, day, width, most) == (fullest + 1 <= most)


TURNING = (0, 8, 9, 20, 21, 23)
"""Hours at which a day or quiet hours begin or end, and the last ones before: between them nothing
changes."""


@settings(deadline=None)
@given(
    st.lists(st.tuples(days, st.sampled_from(["sms", "app"])), max_size=10),
    st.sampled_from(["sms", "app"]),
    st.integers(0, 40 * 24),
)
def test_the_next_time_is_the_first_free_one(
    there: list[tuple[int, str]], channel: str, hours: int
) -> None:
    first = START.date().toordinal()
    made = tuple(
        CountedContact(frozenset({first + day}), one, "marketing", "renewal", None)
        for day, one in there
    )
    history = History(made, {}, {})
    asked = ContactTraits("renewal", "marketing", channel, None, CHINA)
    at = START + timedelta(hours=hours)
    free = next_free(RULES, history, asked, at)
    assert free is not None
    assert free >= at
    assert strongest_block(RULES, history, asked, free) is None
    hour = at
    while hour < free:
        if hour == at or hour.astimezone(CHINA).hour in TURNING:
            assert strongest_block(RULES, history, asked, hour) is not None
        hour += timedelta(hours=1)


def test_the_oracle_sees_an_excess() -> None:
    rule, one = RULES.rules["day"], ContactRequest("C1", "x", "renewal", "marketing", "app", START)
    assert exceeded(rule, [(one, None)] * 2, one)
    assert not exceeded(rule, [(one, None)], one)
    ahead = replace(one, planned_at=START + timedelta(days=1))
    assert exceeded(rule, [(ahead, START), (one, None)], one)
    assert not exceeded(rule, [(ahead, None), (one, None)], one)
