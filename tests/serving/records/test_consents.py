"""Consents: the latest word holds, on the side of the customer, beside the core system's."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from features.settings import Settings
from serving.records.database import Records
from serving.records.people.consents import (
    ConsentChange,
    Consents,
    CoreSystemConsents,
    consents_as_of,
    write_consent,
)

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KNOWN = START + 10 * DAY  # until when the core system knows
END = START + 100 * DAY


def said(
    records: Records, day: int, granted: bool, purpose: Any = "marketing", channel: Any = None
) -> None:
    at = START + day * DAY
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", purpose, granted, at, channel), at)


def found(records: Records, at: datetime = END, base: CoreSystemConsents | None = None) -> Consents:
    with records.reading() as connection:
        return consents_as_of(connection, "C1", at, base)


def test_who_said_nothing_neither_consents_nor_refuses(records: Records) -> None:
    consents = found(records)
    assert consents == Consents(None, None, None, {})
    assert consents.marketing_by("sms") is None


def test_the_later_word_holds_as_of_every_day(records: Records) -> None:
    said(records, 1, True)
    said(records, 5, False)
    said(records, 9, True)
    said(records, 3, False, "profiling")
    said(records, 3, True, "location")
    words = [found(records, START + day * DAY).marketing for day in (0, 1, 4, 5, 8, 9)]
    assert words == [None, True, True, False, False, True]
    assert (found(records).profiling, found(records).location) == (False, True)


def test_what_was_recorded_later_does_not_exist(records: Records) -> None:
    told = ConsentChange("C1", "marketing", False, START)
    with records.writing() as connection:
        write_consent(connection, told, START + 5 * DAY)
    assert found(records, START + 4 * DAY).marketing is None
    assert found(records, START + 5 * DAY).marketing is False


def test_a_change_that_arrives_late_does_not_undo_a_later_one(records: Records) -> None:
    said(records, 5, False)
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "marketing", True, START), START + 6 * DAY)
    assert found(records).marketing is False


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_a_refusal_beats_a_consent_of_the_same_instant(
    records: Records, order: tuple[bool, bool]
) -> None:
    for granted in order:
        said(records, 1, granted)
    assert found(records).marketing is False


def test_a_word_from_a_clock_that_is_ahead_holds_at_once(records: Records) -> None:
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "marketing", False, END), START)
    assert found(records, START).marketing is False


@pytest.mark.parametrize(
    ("words", "by_sms", "by_app"),
    [
        # (day, granted, channel), later words last
        ([(1, True, None)], True, True),
        ([(1, True, None), (2, False, "sms")], False, True),
        ([(1, False, "sms"), (2, True, None)], False, True),
        ([(1, False, "sms"), (2, True, "sms")], True, None),
        ([(1, False, None), (2, True, "sms")], True, False),
        ([(1, True, "sms"), (2, False, None)], False, False),
        ([(1, False, None), (1, True, "sms")], False, False),
    ],
)
def test_a_channel_and_all_of_them(
    records: Records, words: list[Any], by_sms: bool | None, by_app: bool | None
) -> None:
    for day, granted, channel in words:
        said(records, day, granted, channel=channel)
    consents = found(records)
    assert (consents.marketing_by("sms"), consents.marketing_by("app")) == (by_sms, by_app)


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        # (day, granted) of the record, what the core system knows until day 10
        (None, True, True),
        (None, False, False),
        (None, None, None),
        ((5, True), None, True),
        ((5, True), True, True),
        ((5, True), False, False),
        ((10, True), False, False),
        ((11, True), False, True),
        ((11, False), True, False),
        # The core system may not have heard of the refusal.
        ((5, False), True, False),
        ((5, False), False, False),
    ],
)
def test_the_later_word_of_records_and_core_system_holds(
    records: Records, here: Any, there: Any, expected: Any
) -> None:
    if here is not None:
        said(records, *here)
        said(records, *here, "profiling")
    base = CoreSystemConsents(KNOWN, marketing=there, profiling=there)
    consents = found(records, base=base)
    assert (consents.marketing, consents.profiling) == (expected, expected)


def test_where_the_core_system_knows_when_the_later_word_holds(records: Records) -> None:
    said(records, 5, False)
    for day, expected in ((4, False), (5, False), (6, True)):
        known = {"marketing": START + day * DAY}
        base = CoreSystemConsents(KNOWN, marketing=True, changed_at=known)
        assert found(records, base=base).marketing is expected


def test_an_opt_out_the_core_system_knows_holds_until_there_is_a_word_here(
    records: Records,
) -> None:
    base = CoreSystemConsents(KNOWN, marketing=True, opted_out=frozenset({"sms"}))
    assert found(records, base=base).marketing_by("sms") is False
    assert found(records, base=base).marketing_by("app") is True
    said(records, 3, True, channel="sms")
    assert found(records, base=base).marketing_by("sms") is True


def test_a_refusal_outlives_an_erasure_under_another_name(records: Records) -> None:
    with records.writing() as connection:
        write_consent(connection, ConsentChange("erased:1", "marketing", False, START), START)
    with records.reading() as connection:
        assert consents_as_of(connection, "C1", END, erased_as="erased:1").marketing is False
        assert consents_as_of(connection, "C1", END).marketing is None


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (ConsentChange("C1", "sales", True, START), "purpose sales: is not known"),  # type: ignore[arg-type]
        (ConsentChange("C1", "profiling", True, START, "sms"), "profiling: has a channel"),
        (ConsentChange("C1", "marketing", True, START, "fax"), "channel fax: is not known"),
    ],
)
def test_a_fault_is_named(records: Records, told: ConsentChange, fault: str) -> None:
    with records.writing() as connection, pytest.raises(GuanjiaError, match=fault):
        write_consent(connection, told, START)


words = st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    words.flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))), st.integers(0, 20)
)
def test_order_and_future_do_not_matter(
    laws: Records, orders: tuple[list[tuple[int, bool]], ...], day: int
) -> None:
    """As of a day is the fold over the words up to it, in whatever order they were written. The
    words are two days apart: nearer ones, out of order, show that the clock was set back."""
    customer, (words, shuffled) = uuid.uuid4().hex, orders
    with laws.writing() as connection:
        for when, granted in shuffled:
            at = START + 2 * when * DAY
            write_consent(connection, ConsentChange(customer, "marketing", granted, at), at)
        consents = consents_as_of(connection, customer, START + 2 * day * DAY)
    known = [word for word in words if word[0] <= day]
    last = [granted for when, granted in known if when == max(w for w, _ in known)]
    assert consents.marketing == (all(last) if last else None)


@pytest.fixture(scope="module")
def laws(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Records of the whole module, for many examples."""
    kept = Records(Settings(home=tmp_path_factory.mktemp("consents"), database=None))
    kept.migrate()
    yield kept
    kept.close()
