"""Limit the rate of requests per subject by token buckets."""

MOST_SUBJECTS = 10_000


class RateLimit:
    """Limit requests by one bucket per subject; to be called from the event loop only.

    A bucket is stored as the instant at which it will be full again: one number. A bucket that is
    full need not be stored at all.

    Parameters
    ----------
    per_second : float
        Requests that a bucket gains in a second.
    burst : int
        Requests that a full bucket holds.

    Examples
    --------
    >>> limit = RateLimit(per_second=2, burst=1)
    >>> [limit.wait("app", now) for now in (10.0, 10.1, 10.5)]
    [0.0, 0.4, 0.0]
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._seconds = 1 / per_second
        self._most = burst * self._seconds
        self._full_at: dict[str, float] = {}

    def wait(self, subject: str, now: float) -> float:
        """Take a request from a subject's bucket and return 0; if it is empty, seconds to wait."""
        full_at = max(self._full_at.get(subject, now), now) + self._seconds
        # Allow a nanosecond: rounding of floats must not refuse a request that is just due.
        over = full_at - now - self._most
        if over > 1e-9:
            return round(over, 9)
        if len(self._full_at) >= MOST_SUBJECTS and subject not in self._full_at:
            self._forget(now)
        self._full_at[subject] = full_at
        return 0.0

    def _forget(self, now: float) -> None:
        """Drop full buckets; if too many are in use, also those that are nearest to full."""
        left = {name: full_at for name, full_at in self._full_at.items() if full_at > now}
        if len(left) > MOST_SUBJECTS // 2:
            emptiest = sorted(left, key=left.__getitem__)[-MOST_SUBJECTS // 2 :]
            left = {name: left[name] for name in emptiest}
        self._full_at = left
