"""Write the lines of the access log in batches, off the thread that answers."""

import atexit
import logging
import os
from collections import deque
from datetime import UTC, datetime
from typing import TextIO

from serving import clock
from serving.periodic import every

FLUSH_SECONDS = 0.2
"""How long a line waits to be written; a process that is killed loses those that wait."""
_Line = tuple[float, str, str, int, float, str, str]
"""When, method, endpoint, status, seconds, ids of the request and of its trace."""


class AccessLines:
    """Collect lines of the access log as JSON, and write them to the stream of a handler.

    Parameters
    ----------
    handler : logging.StreamHandler
        Whose stream they go to, between the lines that it writes itself.
    logger : str
        Name of the logger that stands in each line.
    """

    def __init__(self, handler: "logging.StreamHandler[TextIO]", logger: str) -> None:
        self._handler, self._logger = handler, logger
        self._process = os.getpid()
        self._waiting: deque[_Line] = deque()
        self._ended = every(FLUSH_SECONDS, "write access log", self.flush)
        atexit.register(self.flush)

    def add(
        self, method: str, endpoint: str, status: int, seconds: float, request_id: str, trace: str
    ) -> None:
        """Add a line.

        Parameters
        ----------
        method, endpoint : str
            HTTP method and path as declared: they need no escapes.
        status : int
            HTTP status; 0: not answered.
        seconds : float
            How long the answer took.
        request_id, trace : str
            Id of the request, and of its trace; empty: it has none.
        """
        # Text is made of it by the thread that writes.
        self._waiting.append((clock.epoch(), method, endpoint, status, seconds, request_id, trace))

    def close(self) -> None:
        """Write the lines that wait, and take no more."""
        self._ended.set()
        atexit.unregister(self.flush)
        self.flush()

    def flush(self) -> None:
        """Write the lines that wait."""
        lines = []
        while self._waiting:
            lines.append(self._text(*self._waiting.popleft()))
        if lines:
            self._handler.acquire()
            try:
                self._handler.stream.write("".join(lines))
                self._handler.flush()
            finally:
                self._handler.release()

    def _text(
        self,
        epoch: float,
        method: str,
        endpoint: str,
        status: int,
        seconds: float,
        request_id: str,
        trace: str,
    ) -> str:
        at = datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")
        ms = round(1000 * seconds, 1)
        traced = f'"trace_id": "{trace}", ' if trace else ""
        message = f"{method} {endpoint} {status or 'not answered'} {ms} ms"
        return (
            f'{{"at": "{at}", "level": "info", "logger": "{self._logger}", "process":'
            f' {self._process}, "message": "{message}", "request_id": "{request_id}", {traced}'
            f'"method": "{method}", "endpoint": "{endpoint}", "status": {status}, "ms": {ms}}}\n'
        )


def stream_handler(logger: logging.Logger) -> "logging.StreamHandler[TextIO] | None":
    """Find the handler with a stream that lines of a logger reach; None: there is none."""
    place: logging.Logger | None = logger
    while place is not None:
        for handler in place.handlers:
            if isinstance(handler, logging.StreamHandler):
                return handler
        place = place.parent if place.propagate else None
    return None
