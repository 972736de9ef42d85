"""An addition stands for the calendar of a zone only where it says the same."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.instants import civil_sql, fixed_offset, instant_of_civil

ZONES = (
    "Asia/Shanghai",
    "UTC",
    "Asia/Kolkata",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Pyongyang",
)
INSTANTS = st.datetimes(*map(datetime.fromisoformat, ("1900-01-01", "2100-01-01")))
EDGES = [
    edge + shift
    for edge in (datetime.fromisoformat("1992-01-01"), datetime.fromisoformat("2037-01-01"))
    for shift in (timedelta(hours=hours, microseconds=ticks) for hours in (-24, -8, 0, 8, 24)
                  for ticks in (-1, 0))
]  # fmt: skip
engine = duckdb.connect()
engine.execute("SET TimeZone = 'UTC'")


@pytest.mark.parametrize("zone", ZONES)
@settings(deadline=None, max_examples=50)
@given(st.lists(INSTANTS, max_size=20))
def test_instants_and_civil_times_are_those_of_the_calendar(
    zone: str, moments: list[datetime]
) -> None:
    instants = [moment.replace(tzinfo=UTC) for moment in [*EDGES, *moments]]
    query = (
        f"SELECT {civil_sql('x', zone)} IS NOT DISTINCT FROM x AT TIME ZONE '{zone}',"
        f" {instant_of_civil('y', zone)} IS NOT DISTINCT FROM y AT TIME ZONE '{zone}'"
        " FROM (SELECT x, x AT TIME ZONE 'UTC' AS y FROM (SELECT unnest(?::TIMESTAMPTZ[]) AS x))"
    )
    for same in engine.execute(query, [[*instants, None]]).fetchall():
        assert same == (True, True)


def test_only_clocks_that_stood_still_are_fixed() -> None:
    assert fixed_offset("Asia/Shanghai") == timedelta(hours=8)
    assert fixed_offset("Asia/Kolkata") == timedelta(hours=5, minutes=30)
    assert fixed_offset("Europe/Berlin") is None
    assert fixed_offset("Asia/Pyongyang") is None  # half an hour back from 2015 to 2018
