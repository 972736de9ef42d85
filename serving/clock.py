"""Read the clock: the only place below the command line that may do so."""

import threading
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from features.settings import Settings

MORNING = time_of_day(9)
"""When a service of a simulated insurer starts: quiet hours are over."""


TOLERANCE_SECONDS = 300.0
"""By how much the clock may be corrected at once and still be believed."""
DOUBT_SECONDS = 86_400.0
"""How long a clock that was set ahead is doubted: longer than any reservation holds."""
_SINCE_START = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


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


class JumpGuard:
    """Tell time that passed from a clock that was set ahead.

    The time since the machine was started passes by itself, also while it sleeps, and nobody can
    set it. A clock that goes ahead of it by more than `TOLERANCE_SECONDS` was set: for
    `DOUBT_SECONDS` only the time that has passed for certain is told, then the clock is believed.

    Examples
    --------
    >>> guard, noon = JumpGuard(), datetime(2026, 7, 1, 12, tzinfo=UTC)
    >>> guard.certain(noon, 0.0) == noon
    True
    >>> guard.certain(noon + timedelta(days=1, seconds=60), 60.0).isoformat()
    '2026-07-01T12:01:00+00:00'
    >>> guard.certain(noon + timedelta(days=2), 86_401.0).isoformat()
    '2026-07-03T12:00:00+00:00'
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._believed: tuple[datetime, float] | None = None

    def certain(self, at: datetime, passed: float) -> datetime:
        """Return the instant that has come for certain: `at`, or an earlier one.

        Parameters
        ----------
        at : datetime
            The time by the clock.
        passed : float
            Seconds since the machine was started.
        """
        with self._lock:
            if self._believed is not None:
                believed, began = self._believed
                certain = believed + timedelta(seconds=passed - began)
                ahead = (at - certain).total_seconds()
                if ahead > TOLERANCE_SECONDS and passed - began < DOUBT_SECONDS:
                    return certain
            self._believed = at, passed
            return at


_GUARD = JumpGuard()


def certain(at: datetime) -> datetime:
    """Return the instant that has come for certain, where the clock of this machine says `at`."""
    return _GUARD.certain(at, time.clock_gettime(_SINCE_START))


def epoch() -> float:
    """Return the real time in seconds since 1970, which the expiry of tokens is compared with."""
    return time.time()


def ticks() -> float:
    """Return the seconds of a monotonic clock, for waiting times."""
    return time.monotonic()
