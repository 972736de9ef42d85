"""How often a caller may ask: a bucket of requests for each, refilled at a steady rate."""

MOST_SUBJECTS = 10_000


class RateLimit:
    """One bucket a subject; for the thread of the event loop, which alone asks.

    Of a bucket only the instant is kept at which it will be full again, so it costs one number, and
    one that is full by now costs nothing: forgetting it changes no answer.

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
        """Take one request of a subject's bucket; if it is empty, the seconds until it is not."""
        full_at = max(self._full_at.get(subject, now), now) + self._seconds
        # A nanosecond: sums of floats must not cost the request that is just due.
        over = full_at - now - self._most
        if over > 1e-9:
            return round(over, 9)
        if len(self._full_at) >= MOST_SUBJECTS and subject not in self._full_at:
            self._forget(now)
        self._full_at[subject] = full_at
        return 0.0

    def _forget(self, now: float) -> None:
        """Make room: full buckets go, and if all are in use, the half that are nearest to it."""
        left = {name: full_at for name, full_at in self._full_at.items() if full_at > now}
        if len(left) > MOST_SUBJECTS // 2:
            emptiest = sorted(left, key=left.__getitem__)[-MOST_SUBJECTS // 2 :]
            left = {name: left[name] for name in emptiest}
        self._full_at = left
