"""Instants as whole numbers: there and back, and none without its time zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.instants import instant_of, microseconds

ZONES = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))


@given(st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=ZONES))  # noqa: DTZ001
def test_an_instant_comes_back_from_its_number(at: datetime) -> None:
    assert instant_of(microseconds(at)) == at


def test_the_number_is_counted_in_utc() -> None:
    assert microseconds(datetime(1970, 1, 2, 0, 0, 0, 5, UTC)) == 86_400_000_005
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-06-01T00:00:00 has no time zone"):
        microseconds(datetime(2026, 6, 1))  # noqa: DTZ001
