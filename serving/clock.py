"""Read the clock: the only place below the command line that may do so."""

import time
from datetime import UTC, datetime, timedelta

from features.settings import Settings


def now(settings: Settings) -> datetime:
    """Return the time in UTC, shifted by `settings.clock_ahead_seconds` for a simulated insurer."""
    return datetime.now(tz=UTC) + timedelta(seconds=settings.clock_ahead_seconds)


def epoch() -> float:
    """Return the real time in seconds since 1970, which the expiry of tokens is compared with."""
    return time.time()


def ticks() -> float:
    """Return the seconds of a monotonic clock, for waiting times."""
    return time.monotonic()
