"""Convert instants to microseconds since 1970 (UTC) and back; files and databases store those."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from features.sql import sql_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
"""The resolution of instants: the shortest time between two that differ."""


def microseconds(at: datetime) -> int:
    """Count the microseconds from 1970 to an instant.

    Raises
    ------
    ValueError
        If the instant has no time zone.

    Examples
    --------
    >>> microseconds(datetime.fromisoformat("1970-01-01T08:00:01+08:00"))
    1000000
    """
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return (at - EPOCH) // TICK


def instant_of(count: int) -> datetime:
    """Convert microseconds since 1970 to an instant in UTC.

    Examples
    --------
    >>> instant_of(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return EPOCH + TICK * count


# The engine asks the calendar of a zone for every row. China's clocks are 8 hours ahead of UTC in
# every instant from 1992 on: there an addition says the same, at a twentieth of the cost.
SINCE, UNTIL = datetime(1992, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
"""Between them a zone is looked at; years before and after are left to the engine."""
A_DAY = timedelta(days=1)


@cache
def fixed_offset(zone: str) -> timedelta | None:
    """Return how far a zone is ahead of UTC from `SINCE` to `UNTIL`; None if that changes."""
    clock, weeks = ZoneInfo(zone), (UNTIL - SINCE).days // 7 + 1
    offsets = {
        (SINCE + timedelta(weeks=week)).astimezone(clock).utcoffset() for week in range(weeks)
    }
    return offsets.pop() if len(offsets) == 1 else None


def civil_sql(instant: str, zone: str) -> str:
    """Write the SQL of the civil time of an instant.

    Parameters
    ----------
    instant : str
        SQL of the instant, a TIMESTAMP WITH TIME ZONE.
    zone : str
        The time zone.
    """
    offset, calendar = fixed_offset(zone), f"{instant} AT TIME ZONE {sql_text(zone)}"
    if offset is None:
        return f"({calendar})"
    ahead = offset // timedelta(microseconds=1)
    return (
        f"(CASE WHEN {instant} >= TIMESTAMPTZ '{SINCE}' AND {instant} < TIMESTAMPTZ '{UNTIL}'"
        f" THEN make_timestamp(epoch_us({instant}) + {ahead}) ELSE {calendar} END)"
    )


def instant_of_civil(civil: str, zone: str) -> str:
    """Write the SQL of the instant of a civil time.

    Parameters
    ----------
    civil : str
        SQL of the civil time, a TIMESTAMP.
    zone : str
        The time zone.
    """
    offset, calendar = fixed_offset(zone), f"{civil} AT TIME ZONE {sql_text(zone)}"
    if offset is None:
        return f"({calendar})"
    ahead = offset // timedelta(microseconds=1)
    since, until = ((day.replace(tzinfo=None)) for day in (SINCE + A_DAY, UNTIL - A_DAY))
    return (
        f"(CASE WHEN {civil} >= TIMESTAMP '{since}' AND {civil} < TIMESTAMP '{until}'"
        f" THEN make_timestamptz(epoch_us({civil}) - {ahead}) ELSE {calendar} END)"
    )
