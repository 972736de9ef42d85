"""Convert instants to microseconds since 1970 (UTC) and back; files and databases store those."""

from datetime import UTC, datetime, timedelta

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
