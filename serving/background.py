"""Do work that takes longer than a page may take: in threads of its own, asked for again and again.

Whoever asks waits a moment for the result; later they ask again under the same key. A result is
handed out for some time after it was made, then it is made anew.
"""

import contextvars
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundWork(Generic[T]):
    """Work of one kind, by key.

    Parameters
    ----------
    threads : int
        How much of it is done at a time.
    seconds : float
        How long a result is handed out after it was made.
    most : int
        Results that are kept at a time; the oldest are forgotten first.
    """

    def __init__(self, threads: int, seconds: float, most: int = 64) -> None:
        self._threads = ThreadPoolExecutor(threads, "background")
        self._seconds, self._most = seconds, most
        self._works: dict[Hashable, tuple[Future[T], list[float]]] = {}
        self._lock = threading.Lock()

    def ask(self, key: Hashable, make: Callable[[], T], patience: float | None = None) -> T | None:
        """Return the result, or None while it is being made.

        Parameters
        ----------
        key : hashable
            All that the result depends on.
        make : callable of () to result
            Makes it, in the context of whoever asked first; what it raises is raised here, once.
        patience : float, optional
            Seconds to wait for it; default: until it is there.
        """
        with self._lock:
            self._forget()
            if key not in self._works:
                self._works[key] = self._begin(make)
            work, _ = self._works[key]
        try:
            return work.result(patience)
        except TimeoutError:
            if work.done():
                raise
            return None
        finally:
            if work.done() and (work.cancelled() or work.exception() is not None):
                with self._lock:
                    self._works.pop(key, None)

    def forget(self, key: Hashable) -> None:
        """Forget the result of a key, there or being made: for who asks next it is made anew."""
        with self._lock:
            self._works.pop(key, None)

    def _begin(self, make: Callable[[], T]) -> tuple[Future[T], list[float]]:
        context, done_at = contextvars.copy_context(), []
        work = self._threads.submit(context.run, make)
        work.add_done_callback(lambda _: done_at.append(time.monotonic()))
        return work, done_at

    def _forget(self) -> None:
        """Forget results that are too old, and the oldest of too many."""
        now = time.monotonic()
        done = [key for key, (_, done_at) in self._works.items() if done_at]
        for key in done:
            if now - self._works[key][1][0] > self._seconds or len(self._works) >= self._most:
                del self._works[key]
