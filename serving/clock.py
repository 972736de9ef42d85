"""Read the clock: the only place below the command line that may do so."""

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from features.settings import Settings

MORNING = time_of_day(9)
"""When a service of a simulated insurer starts: quiet hours are over."""


def now(settings: Settings) -> datetime:
    """Return the time in UTC, shifted by `settings.clock_ahead_seconds` for a simulated insurer."""
    return datetime.now(tz=UTC) + timedelta(seconds=settings.clock_ahead_seconds)


def simulated_now(last_day: date, settings: Settings) -> datetime:
    """Return the time at which a service of a simulated insurer starts.

    Its history ends, and the real clock goes on: by it, everything would have lapsed long ago. So
    it is the morning after the last day of its tags, whenever the service is started.

    Examples
    --------
    >>> simulated_now(date(2026, 6, 30), Settings()).isoformat()
    '2026-07-01T09:00:00+08:00'
    """
    morning = datetime.combine(last_day + timedelta(days=1), MORNING)
    return morning.replace(tzinfo=ZoneInfo(settings.timezone))


def epoch() -> float:
    """Return the real time in seconds since 1970, which the expiry of tokens is compared with."""
    return time.time()


def ticks() -> float:
    """Return the seconds of a monotonic clock, for waiting times."""
    return time.monotonic()
