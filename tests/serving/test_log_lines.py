"""Nobody forges a line of the log, and no line has a customer's number."""

import contextvars
import logging
import sys

from hypothesis import given
from hypothesis import strategies as st

from features.texts import CONTROL
from serving.api.door.log_lines import CONTINUED, SafeFormatter, hide_body_in_log, hide_in_log

FORMATTER = SafeFormatter(logging.Formatter("AT %(message)s"))


def line(message: str, fault: Exception | None = None) -> str:
    trace = None
    if fault is not None:
        try:
            raise fault
        except type(fault):
            trace = sys.exc_info()
    return FORMATTER.format(logging.LogRecord("a", 20, "p", 1, "%s", (message,), trace))


@given(st.text())
def test_whatever_is_logged_only_the_first_line_has_no_bar(text: str) -> None:
    first, *others = line(f"x{text}y", ValueError(text)).splitlines()
    assert first.startswith("AT ")
    assert all(other.startswith(CONTINUED.strip("\n")) for other in others)
    assert not any(CONTROL.search(other) for other in (first, *others))


def test_a_request_hides_its_customers_traceback_included() -> None:
    def request() -> None:
        hide_in_log(["C7"])
        hide_body_in_log(b'{"customer_ids": ["C1", "C12"], "events": [{"customer_id": "e"}]}')
        told = line("C1 and C12, e and C7, but C123", ValueError("C1 is unknown"))
        assert told.startswith("AT *** and ***, *** and ***, but C123\n")
        assert "ValueError: *** is unknown" in told

    contextvars.copy_context().run(request)
    assert line("C1") == "AT C1"


def test_a_body_that_is_no_json_hides_nothing_and_breaks_nothing() -> None:
    def request() -> None:
        for body in (b"{", b"\xff", b"[" * 100_000):
            hide_body_in_log(body)
            assert line("C1") == "AT C1"

    contextvars.copy_context().run(request)
