"""What time it is when a request comes in: the one place below the command line that may ask."""

import time
from datetime import UTC, datetime, timedelta

from features.settings import Settings


def now(settings: Settings) -> datetime:
    """The time, in UTC; ahead of the real one where the insurer is simulated."""
    return datetime.now(tz=UTC) + timedelta(seconds=settings.clock_ahead_seconds)


def epoch() -> float:
    """Seconds since 1970 of the real time, which tokens expire by."""
    return time.time()


def ticks() -> float:
    """Seconds since some instant, for waiting times: no change of the clock moves it."""
    return time.monotonic()
