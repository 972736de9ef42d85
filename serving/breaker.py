"""What does not answer is left alone for a while, so that not every request waits for it."""

import threading


class Breaker:
    """Whether to ask something that did not answer a moment ago; threads share it.

    After a failure one caller in so many seconds asks again, and the others do without. The first
    answer opens the way for all.

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
        """Whether the last one who asked was answered."""
        return self._next is None

    def may_ask(self, now: float) -> bool:
        """Whether the caller should ask; `now` in seconds since some instant."""
        if self._next is None:
            return True
        with self._lock:
            if self._next is not None and now < self._next:
                return False
            # The caller finds out for all; one that hangs is followed by another.
            self._next = now + self._seconds
            return True

    def failed(self, now: float) -> None:
        """Note that it did not answer."""
        with self._lock:
            self._next = now + self._seconds

    def answered(self) -> None:
        """Note that it did."""
        if self._next is not None:
            with self._lock:
                self._next = None
