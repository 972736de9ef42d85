"""When a policy term gave cover: by hand, at each of its dates."""

from datetime import date, timedelta

import ibis
import pyarrow as pa
import pytest

from features.lake.terms import cover_end, existed, in_force

BEGAN, EXPIRES = date(2026, 1, 1), date(2027, 1, 1)
DAY = timedelta(days=1)
DATES = pa.schema([(name, pa.date32()) for name in ("inception", "expiry", "cancelled_on", "day")])


def term(cancelled_on: date | None, day: date = BEGAN) -> ibis.Table:
    return ibis.memtable(pa.table([[BEGAN], [EXPIRES], [cancelled_on], [day]], schema=DATES))


@pytest.mark.parametrize(
    ("cancelled_on", "exists"),
    [(None, True), (BEGAN - DAY, False), (BEGAN, False), (BEGAN + DAY, True), (EXPIRES, True)],
)
def test_a_term_cancelled_from_its_inception_never_existed(
    cancelled_on: date | None, exists: bool
) -> None:
    terms = term(cancelled_on)
    assert terms.select(it=existed(terms)).execute()["it"].tolist() == [exists]


@pytest.mark.parametrize(
    ("cancelled_on", "end"),
    [(None, EXPIRES), (BEGAN, BEGAN), (date(2026, 5, 1), date(2026, 5, 1)), (EXPIRES, EXPIRES)],
)
def test_cover_ends_with_the_cancellation_or_else_the_expiry(
    cancelled_on: date | None, end: date
) -> None:
    terms = term(cancelled_on)
    assert terms.select(it=cover_end(terms)).to_pyarrow()["it"].to_pylist() == [end]


@pytest.mark.parametrize(
    ("cancelled_on", "day", "covered"),
    [
        (None, BEGAN - DAY, False),
        (None, BEGAN, True),
        (None, EXPIRES - DAY, True),
        (None, EXPIRES, False),
        (date(2026, 5, 1), date(2026, 4, 30), True),
        (date(2026, 5, 1), date(2026, 5, 1), False),
        (BEGAN, BEGAN, False),
    ],
)
def test_cover_is_in_force_from_its_first_day_until_before_its_end(
    cancelled_on: date | None, day: date, covered: bool
) -> None:
    terms = term(cancelled_on, day)
    assert terms.select(it=in_force(terms, terms.day)).execute()["it"].tolist() == [covered]
