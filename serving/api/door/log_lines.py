"""Write log lines that nobody can forge, without the numbers of the customers of the request."""

import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from features.texts import CONTROL

CONTINUED = "\n    | "
IDS = ("customer_id", "customer_ids")
_body: ContextVar[bytes] = ContextVar("body", default=b"")
_hidden: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())


def hide_in_log(customer_ids: Iterable[str]) -> None:
    """Hide customer numbers in whatever this request logs from now on, threads included."""
    _hidden.set((*_hidden.get(), *customer_ids))


def hide_body_in_log(body: bytes) -> None:
    """Hide the customer numbers that a body names; it is read only if something is logged."""
    _body.set(body)


class SafeFormatter(logging.Formatter):
    """Format a record by another formatter; whatever was logged begins no second line.

    Further lines of a record, those of a traceback, are indented behind a bar, other control
    characters are escaped, and customer numbers of the request are `***`.

    Parameters
    ----------
    inner : logging.Formatter
        The formatter to use.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        text = self._inner.format(record)
        customers = sorted(_customers(), key=len, reverse=True)
        if customers:
            alone = rf"(?<!\w)(?:{'|'.join(map(re.escape, customers))})(?!\w)"
            text = re.sub(alone, "***", text)
        return CONTINUED.join(CONTROL.sub(_escaped, line) for line in text.strip("\n").split("\n"))


def make_logs_safe() -> None:
    """Make every handler that exists write by `SafeFormatter`; called once a worker has started."""
    for name in (None, *logging.root.manager.loggerDict):
        for handler in logging.getLogger(name).handlers:
            if not isinstance(handler.formatter, SafeFormatter):
                handler.setFormatter(SafeFormatter(handler.formatter or logging.Formatter()))


def _escaped(character: re.Match[str]) -> str:
    return ascii(character[0])[1:-1]


def _customers() -> set[str]:
    """Collect the customer numbers of the request, as far as its body can be read."""
    try:
        content = json.loads(_body.get() or b"{}")
    except (ValueError, RecursionError):
        content = {}
    return {text for text in (*_hidden.get(), *_named(content)) if text}


def _named(content: Any, name: str = "") -> Iterator[str]:
    """Walk a JSON value: every text that stands under one of `IDS`."""
    if isinstance(content, str) and name in IDS:
        yield content
    elif isinstance(content, list):
        for part in content:
            yield from _named(part, name)
    elif isinstance(content, dict):
        for key, part in content.items():
            yield from _named(part, key)
