"""Circuit breaker: a service that does not answer is left alone for a while."""

import threading


class Breaker:
    """Decide whether to ask a service that failed a moment ago; shared by threads.

    After a failure, one caller every so many seconds asks again, and the others do without. The
    first answer lets all callers ask again.

    Parameters
    ----------
    seconds : float
        From one attempt to the next.

    Examples
    --------
    >>> breaker = Breaker(1.0)
    >>> breaker.failed(10.0)
    >>> [breaker.may_ask(at) for at in (10.5, 11.0, 11.5)]
    [False, True, False]
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: float | None = None
        self._lock = threading.Lock()

    @property
    def fine(self) -> bool:
        """Whether the last attempt was answered."""
        return self._next is None

    def may_ask(self, now: float) -> bool:
        """Check whether the caller should ask; `now` in seconds of a monotonic clock."""
        if self._next is None:
            return True
        with self._lock:
            if self._next is not None and now < self._next:
                return False
            # The caller finds out for all; one that hangs is followed by another.
            self._next = now + self._seconds
            return True

    def failed(self, now: float) -> None:
        """Note that the service did not answer."""
        with self._lock:
            self._next = now + self._seconds

    def answered(self) -> None:
        """Note that the service answered."""
        if self._next is not None:
            with self._lock:
                self._next = None
