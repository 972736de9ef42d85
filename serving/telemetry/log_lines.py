"""Write log lines that nobody can forge, and that name no customer.

Texts of a request are hidden in what it logs, tracebacks included: numbers of customers become
pseudonyms, the same for the same customer, and other texts `***`. Lines are text, or JSON with
`GUANJIA_LOG=json`; either way they have the id of their request.
"""

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

from features.texts import CONTROL
from serving.telemetry.access_lines import AccessLines, stream_handler
from serving.telemetry.request_ids import current_request_id
from serving.telemetry.tracing import current_trace_id

Form = Literal["text", "json"]
CONTINUED = "\n    | "
HIDDEN = "***"
IDS = ("customer_id", "customer_ids")
VOCABULARIES = frozenset(
    {"channel", "decision_point", "event_type", "happened", "kind", "models", "purpose", "stage",
     "touchpoint", "type"}
)  # fmt: skip
"""Fields whose words Guanjia declares: hidden only if they hold anything but such a word."""
WORD = re.compile(r"[a-z][a-z0-9_]*[a-z]", re.ASCII)
LONGEST_WORD = 40
SHORTEST_NUMBER = 7
"""Digits from which a number of a body is hidden: it might be a phone."""
ACCESS = logging.getLogger("guanjia.access")
"""The logger of the access log: one line a request."""
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_body: ContextVar[bytes] = ContextVar("body", default=b"")
_hidden: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())
_details: ContextVar[Mapping[str, Any]] = ContextVar("details", default=MappingProxyType({}))


class _Access:
    """Who writes the access log of this process, where it is JSON; None: the logger does."""

    lines: AccessLines | None = None


def hide_in_log(customer_ids: Iterable[str]) -> None:
    """Hide customer numbers in whatever this request logs from now on, threads included."""
    _hidden.set((*_hidden.get(), *customer_ids))


def hide_body_in_log(body: bytes) -> None:
    """Hide the texts of a body; it is read only if something is logged."""
    _body.set(body)


def log_access(method: str, endpoint: str, status: int, seconds: float) -> None:
    """Write a line of the access log, if there is one.

    Parameters
    ----------
    method, endpoint : str
        HTTP method, and the path as declared: in the one that was sent are customer numbers, and
        whatever the caller likes to write into our log.
    status : int
        HTTP status; 0: not answered.
    seconds : float
        How long the answer took.
    """
    if not ACCESS.isEnabledFor(logging.INFO):
        return
    if _Access.lines is not None:
        request_id, trace = current_request_id(), current_trace_id()
        _Access.lines.add(method, endpoint, status, seconds, request_id, trace)
        return
    milliseconds = round(1000 * seconds, 1)
    fields = {"method": method, "endpoint": endpoint, "status": status, "ms": milliseconds}
    ACCESS.info(
        "%s %s %s %.1f ms", method, endpoint, status or "not answered", milliseconds,
        extra={"fields": fields}
    )  # fmt: skip


def hide_details_in_log(details: Mapping[str, Any]) -> None:
    """Hide what was read of a customer, such as their name and their plate."""
    _details.set(details)


class SafeFormatter(logging.Formatter):
    """Format a record as text or JSON; whatever was logged begins no second line.

    As text, further lines of a record, those of a traceback, are indented behind a bar, and other
    control characters are escaped.

    Parameters
    ----------
    inner : logging.Formatter, optional
        Formats texts. Default: `logging.Formatter()`.
    form : {"text", "json"}
        How a line is written.
    key : bytes, optional
        Key of the pseudonyms of customers. Default: they are `***`, as in processes that know no
        customer.
    """

    def __init__(
        self,
        inner: logging.Formatter | None = None,
        form: Form = "text",
        key: bytes | None = None,
    ) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()
        self._form = form
        self._key = key

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        if self._form == "json":
            return self._as_json(record)
        first, *others = self._hide(self.inner.format(record), record).strip("\n").split("\n")
        if request_id := current_request_id():
            first += f" [{request_id}]"
        return CONTINUED.join(CONTROL.sub(_escaped, line) for line in (first, *others))

    def _as_json(self, record: logging.LogRecord) -> str:
        """Write a record as one JSON object."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": self._hide(record.getMessage(), record),
        }
        optional = {
            "request_id": current_request_id(),
            "trace_id": current_trace_id(),
            "traceback": self._hide(self.formatException(record.exc_info), record)
            if record.exc_info
            else "",
        }
        line |= {name: text for name, text in optional.items() if text}
        line |= getattr(record, "fields", {})
        text = _ENCODER.encode(line)
        return CONTROL.sub(lambda character: f"\\u{ord(character[0]):04x}", text)

    def _hide(self, text: str, record: logging.LogRecord) -> str:
        """Replace what the current request names in a text."""
        if hasattr(record, "fields"):  # lines of the access log hold nothing of a caller
            return text
        replacements = self._replacements()
        if not replacements:
            return text
        longest_first = sorted(replacements, key=len, reverse=True)
        pattern = "|".join(map(_alone, longest_first))
        return re.sub(pattern, lambda match: replacements[match[0]], text)

    def _replacements(self) -> Mapping[str, str]:
        """Collect what the request names -> what stands in the log instead."""
        try:
            content = json.loads(_body.get() or b"{}")
        except (ValueError, RecursionError):
            content = {}
        customers = {*_hidden.get()}
        details = _details.get().values()
        texts = {text for text in details if isinstance(text, str) and len(text) > 1}
        for name, text in _texts(content):
            if name in IDS:
                customers.add(text)
            elif len(text) > 1 and not (name in VOCABULARIES and _is_word(text)):
                texts.add(text)
        return dict.fromkeys(texts, HIDDEN) | {
            customer: self._pseudonym(customer) for customer in customers if customer
        }

    def _pseudonym(self, customer_id: str) -> str:
        """Return what stands for a customer: the same in all lines of a home, and nobody else's."""
        if self._key is None:
            return HIDDEN
        # Another word than that of erasures: who has a log cannot look up who was erased.
        text = f"log\0{customer_id}".encode("utf-8", "surrogatepass")
        return f"customer-{hmac.new(self._key, text, hashlib.sha256).hexdigest()[:12]}"


def make_logs_safe(form: Form = "text", key: bytes | None = None, *, access: bool = False) -> None:
    """Make every handler that exists write by `SafeFormatter`.

    Parameters
    ----------
    form : {"text", "json"}
        How lines are written.
    key : bytes, optional
        Key of the pseudonyms of customers; default: they are `***`.
    access : bool
        Whether there is an access log.
    """
    for name in (None, *logging.root.manager.loggerDict):
        for handler in logging.getLogger(name).handlers:
            inner = handler.formatter
            if isinstance(inner, SafeFormatter):
                inner = inner.inner
            handler.setFormatter(SafeFormatter(inner, form, key))
    ACCESS.setLevel(logging.INFO if access else logging.WARNING)
    if _Access.lines is not None:
        _Access.lines.close()
    streaming = stream_handler(ACCESS) if access and form == "json" else None
    _Access.lines = None if streaming is None else AccessLines(streaming, ACCESS.name)
    # What libraries warn of would be lines of another form.
    logging.captureWarnings(form == "json")


def _alone(personal: str) -> str:
    """Return a pattern of a text that is not part of a longer one.

    Chinese has no spaces between words, so only texts that begin or end in ASCII need to stand
    alone there.
    """
    before = "(?<![0-9A-Za-z_])" if personal[0].isascii() else ""
    after = "(?![0-9A-Za-z_])" if personal[-1].isascii() else ""
    return before + re.escape(personal) + after


def _is_word(text: str) -> bool:
    return len(text) <= LONGEST_WORD and WORD.fullmatch(text) is not None


def _escaped(character: re.Match[str]) -> str:
    return ascii(character[0])[1:-1]


def _texts(content: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Walk a JSON value: every text and long number, with the name of the field that it is in."""
    if isinstance(content, str):
        yield name, content
    elif isinstance(content, int) and len(str(abs(content))) >= SHORTEST_NUMBER:
        yield name, str(content)
    elif isinstance(content, list):
        for part in content:
            yield from _texts(part, name)
    elif isinstance(content, dict):
        for key, part in content.items():
            if not _is_word(key):
                yield "", key
            yield from _texts(part, key)
