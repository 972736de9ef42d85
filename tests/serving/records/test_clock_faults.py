"""The clock goes back an hour and forward a day while caps are counted and consents withdrawn."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from counted_windows import RULES, START, exceeded
from hypothesis import given, settings
from hypothesis import strategies as st

from features.settings import Settings
from serving.clock import JumpGuard
from serving.records.contacts.caps import Caps, ContactRefusedError, ContactRequest, mark_sent
from serving.records.database import Records, lock_customer
from serving.records.people.consents import ConsentChange, consents_as_of, write_consent

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CORRECTED = timedelta(hours=23)
"""A clock that was set ahead is set right within a day."""
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("reserve"),
            st.sampled_from(["sms", "app"]),
            st.sampled_from([None, "spring"]),
            st.integers(0, 5 * 24),  # planned so many hours ahead
        ),
        st.tuples(st.just("sent"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.integers(1, 12)),
        st.tuples(st.just("set"), st.sampled_from([-HOUR, 0 * HOUR, DAY])),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def shared_records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    """Records of the whole module: each example has a customer of its own."""
    found = Records(Settings(home=tmp_path_factory.mktemp("clocks"), database=None))
    found.migrate()
    yield found
    found.close()


class Machine:
    """A machine whose clock is wrong by an offset at times; the time since its start is not."""

    def __init__(self) -> None:
        self.true, self.offset, self.wrong_since = START, 0 * HOUR, START
        self._guard = JumpGuard()

    @property
    def clock(self) -> datetime:
        return self.true + self.offset

    @property
    def certain(self) -> datetime:
        return self._guard.certain(self.clock, (self.true - START).total_seconds())

    def set(self, offset: timedelta) -> None:
        assert self.certain  # the service looks every second
        if offset > 0 * HOUR >= self.offset:
            self.wrong_since = self.true
        self.offset = offset

    def wait(self, hours: int) -> None:
        for _ in range(hours):
            self.true += HOUR
            if self.offset > 0 * HOUR and self.true - self.wrong_since >= CORRECTED:
                self.offset = 0 * HOUR
            assert self.certain


@settings(max_examples=150, deadline=None)
@given(steps)
def test_a_clock_that_jumps_exceeds_no_cap_and_expires_nothing(
    shared_records: Records,
    steps: list[tuple],  # type: ignore[type-arg]
) -> None:
    """Callers go by the true time: a place that they were given is theirs until it ends."""
    caps, customer, machine = Caps(RULES, "Asia/Shanghai"), uuid.uuid4().hex, Machine()
    held: dict[str, tuple[ContactRequest, datetime | None]] = {}  # until when; None: sent
    made: dict[str, datetime] = {}
    for step in steps:
        if step[0] == "wait":
            machine.wait(step[1])
        elif step[0] == "set":
            machine.set(step[1])
        elif step[0] == "sent" and held:
            number = list(held)[step[1] % len(held)]
            wanted, until = held[number]
            if until is not None and until > machine.true:
                made[number] = machine.true
                with shared_records.writing() as connection:
                    mark_sent(connection, number, machine.true)
                held[number] = (wanted, None)
        elif step[0] == "reserve":
            _, channel, campaign, ahead = step
            now, certain = machine.clock, machine.certain
            new = ContactRequest(
                customer, "x", "renewal", "marketing", channel, now + ahead * HOUR,
                campaign=campaign,
            )  # fmt: skip
            with suppress(ContactRefusedError), shared_records.writing() as connection:
                lock_customer(connection, customer)
                history = caps.history(connection, customer, now, certain=certain)
                place = caps.reserve(connection, new, now, history)
                held[place.contact_id] = (new, place.reserved_until)
                counted = [
                    (one, made.get(number))
                    for number, (one, until) in held.items()
                    if until is None or until > machine.true
                ]
                for name, rule in RULES.rules.items():
                    assert not exceeded(rule, counted, new), (name, step)


def test_without_the_guard_a_place_would_expire_by_a_wrong_clock(records: Records) -> None:
    """What the law would find: the place of noon is given away by a clock that is a day ahead."""
    caps = Caps(RULES, "Asia/Shanghai")
    first = ContactRequest("C1", "x", "renewal", "marketing", "sms", START)
    second = ContactRequest("C1", "x", "renewal", "marketing", "sms", START + 2 * DAY)
    with records.writing() as connection:
        caps.reserve(connection, first, START, caps.history(connection, "C1", START))
        ahead = START + 2 * DAY
        certain = caps.history(connection, "C1", ahead, certain=START)
        assert len(certain.contacts) == 1
        assert caps.history(connection, "C1", ahead).contacts == ()
        with pytest.raises(ContactRefusedError, match="sms"):
            caps.reserve(connection, second, ahead, certain)


@pytest.mark.parametrize("told_by", [NOON + 10 * timedelta(minutes=1), NOON - HOUR])
def test_a_refusal_holds_though_the_clock_went_back_before_it(
    records: Records, told_by: datetime
) -> None:
    """Consent at noon; the clock goes back an hour; ten minutes later the customer withdraws. The
    caller's clock is right, or went back too."""
    behind = NOON - 50 * timedelta(minutes=1)
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "marketing", True, NOON), NOON)
        write_consent(connection, ConsentChange("C1", "marketing", False, told_by), behind)
    with records.reading() as connection:
        for at in (behind, NOON, NOON + HOUR, NOON + 30 * DAY):
            assert consents_as_of(connection, "C1", at).marketing is False
    with records.writing() as connection:  # and it can be taken back
        again = ConsentChange("C1", "marketing", True, NOON + HOUR)
        write_consent(connection, again, NOON + HOUR)
        assert consents_as_of(connection, "C1", NOON + HOUR).marketing is True


def test_an_older_refusal_that_arrives_late_still_changes_nothing(records: Records) -> None:
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "marketing", True, NOON), NOON)
        older = ConsentChange("C1", "marketing", False, NOON - DAY)
        write_consent(connection, older, NOON + HOUR)
        assert consents_as_of(connection, "C1", NOON + HOUR).marketing is True
