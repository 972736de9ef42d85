"""Nobody forges a line of the log, and no line names a customer."""

import contextvars
import io
import json
import logging
import sys

from hypothesis import given
from hypothesis import strategies as st

from features.texts import CONTROL
from serving.telemetry import log_lines
from serving.telemetry.log_lines import (
    ACCESS,
    CONTINUED,
    SafeFormatter,
    hide_body_in_log,
    hide_details_in_log,
    hide_in_log,
    log_access,
    make_logs_safe,
)
from serving.telemetry.request_ids import begin_request

FORMATTER = SafeFormatter(logging.Formatter("AT %(message)s"))
JSON = SafeFormatter(form="json", key=b"k" * 32)
PERSON = {"姓名": "张三", "车牌": "京A12345", "mobile": 13800138000, "who": "zhang.san@example.com"}


def line(message: str, fault: Exception | None = None, formatter: SafeFormatter = FORMATTER) -> str:
    trace = None
    if fault is not None:
        try:
            raise fault
        except type(fault):
            trace = sys.exc_info()
    return formatter.format(logging.LogRecord("a", 20, "p", 1, "%s", (message,), trace))


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


@given(st.text())
def test_whatever_is_logged_is_one_line_of_json_that_has_it(text: str) -> None:
    written = line(f"x{text}y", ValueError("why"), JSON)
    assert len(written.splitlines()) == 1
    told = json.loads(written)
    assert told["message"] == f"x{text}y"
    assert (told["level"], told["logger"]) == ("info", "a")
    assert told["traceback"].endswith("ValueError: why")


def test_a_customer_has_one_pseudonym_in_all_lines_of_a_home() -> None:
    def told_of(customer: str, key: bytes = b"k" * 32) -> str:
        def request() -> str:
            hide_in_log([customer])
            formatter = SafeFormatter(form="json", key=key)
            return str(json.loads(line(f"of {customer}", None, formatter))["message"])

        return contextvars.copy_context().run(request)

    assert told_of("C1").startswith("of customer-")
    assert told_of("C1") == told_of("C1")
    assert len({told_of("C1"), told_of("C2"), told_of("C1", b"x" * 32)}) == 3


def test_texts_of_a_request_are_hidden_but_words_that_are_declared() -> None:
    def request() -> None:
        body = {"decision_point": "app_open", "context": {"channel": "李四", "values": PERSON}}
        hide_body_in_log(json.dumps(body).encode())
        told = line(
            "app_open: 客户张三的京A12345, 13800138000, zhang.san@example.com, 李四 and 姓名"
        )
        assert told == "AT app_open: 客户***的***, ***, ***, *** and ***"

    contextvars.copy_context().run(request)


def test_what_was_read_of_a_customer_is_hidden_too() -> None:
    def request() -> None:
        hide_details_in_log({"customer_name": "王五", "vehicles": 2})
        assert line("您好王五: 2", KeyError("王五")).count("***") == 2

    contextvars.copy_context().run(request)


def test_each_line_of_a_request_has_its_id() -> None:
    def request() -> None:
        request_id = begin_request([])
        assert line("a\nb") == f"AT a [{request_id}]{CONTINUED}b"
        assert json.loads(line("a", None, JSON))["request_id"] == request_id

    contextvars.copy_context().run(request)
    assert "request_id" not in json.loads(line("a", None, JSON))


def test_the_access_log_as_json_is_written_in_batches_and_as_the_logger_would() -> None:
    contextvars.copy_context().run(batched_as_logged)


def batched_as_logged() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    ACCESS.addHandler(handler)
    try:
        make_logs_safe("json", access=True)
        assert log_lines._Access.lines is not None
        begin_request([(b"x-request-id", b"0123456789abcdef0123456789abcdef")])
        log_access("POST", "/v1/decide", 200, 0.01234)
        log_access("", "(no endpoint)", 0, 1.0)
        log_lines._Access.lines.flush()
        batched = [json.loads(line) for line in stream.getvalue().splitlines()]
        log_lines._Access.lines = None
        log_access("POST", "/v1/decide", 200, 0.01234)
        log_access("", "(no endpoint)", 0, 1.0)
        both = [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        ACCESS.removeHandler(handler)
        make_logs_safe()
    assert len(batched) == 2
    for ours, theirs in zip(batched, both[2:], strict=True):
        assert list(ours) == list(theirs), "the same names in the same order"
        assert ours | {"at": ""} == theirs | {"at": ""}
