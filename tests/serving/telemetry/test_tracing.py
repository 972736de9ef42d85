"""A decision and a prediction are traced by step; while tracing is off nothing is imported."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from features.errors import GuanjiaError
from features.lake import Lake
from serving.decision.decider import Decider
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_source import TouchpointSource
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.records.database import Records
from serving.schemas import PredictRequest
from serving.telemetry.log_lines import hide_details_in_log
from serving.telemetry.tracing import (
    current_trace_id,
    name_request,
    request_span,
    start_tracing,
    stop_tracing,
)

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Spans that ended, while every request is traced."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    exporter = InMemorySpanExporter()
    assert start_tracing(exporter, SimpleSpanProcessor)
    yield exporter
    stop_tracing()
    hide_details_in_log({})


@pytest.mark.slow
def test_steps_of_a_decision_and_of_a_prediction_are_spans_and_name_nobody(
    contactable: Callable[[Path], Lake], tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    lake = contactable(tmp_path / "own")
    path = next((lake.home / "scores").glob("*.parquet"))
    customer = pq.read_table(path, columns=["customer_id"], partitioning=None)[0][0].as_py()
    records = Records(lake.settings)
    records.migrate()
    service = PredictionService(lake)
    decider = Decider(service, records, TouchpointSource(lake))
    asked = DecideRequest(customer_id=customer, decision_point="tests")
    with request_span("POST", [(b"traceparent", PARENT)], "r1") as current:
        assert current_trace_id() == PARENT.decode()[3:35]
        decider.decide(asked, NOON)
        name_request(current, "POST /v1/decide", 200)
    with request_span("POST", [], "r2") as current:
        service.answer(PredictRequest(customer_ids=[customer]), NOON)
        name_request(current, "POST /predict", 500)
    nobody = PredictRequest(customer_ids=["C99999999"])
    with pytest.raises(UnknownCustomerError), request_span("POST", [], "r3"):
        service.answer(nobody, NOON)
    records.close()
    ended: list[Any] = list(spans.get_finished_spans())
    assert [span.name for span in ended] == [
        *("tags", "models", "records", "settle", "write", "POST /v1/decide"),
        *("tags", "models", "POST /predict"),
        *("tags", "POST"),
    ]
    decided = ended[5]
    assert f"{decided.parent.span_id:016x}" == PARENT.decode()[36:52]
    assert {step.parent.span_id for step in ended[:5]} == {decided.context.span_id}
    assert dict(decided.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/decide",
        "http.response.status_code": 200,
        "guanjia.request_id": "r1",
    }
    assert (ended[8].parent, ended[8].status.status_code.name) == (None, "ERROR")
    told = "".join(span.to_json() for span in ended)
    assert customer not in told
    assert "C99999999" not in told
    assert current_trace_id() == ""


def test_by_default_one_request_in_twenty_is_traced_and_whatever_the_caller_traces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    share = (1 << 64) // 200
    evenly = cycle(range(share // 2, 1 << 64, share))
    monkeypatch.setattr(RandomIdGenerator, "generate_trace_id", lambda _: next(evenly))
    exporter = InMemorySpanExporter()
    assert start_tracing(exporter, SimpleSpanProcessor)
    try:
        traced: list[bool] = []
        for _ in range(200):
            with request_span("POST", [], "r1"):
                traced.append(current_trace_id() != "")
        assert len(exporter.get_finished_spans()) == sum(traced) == 10
        for parent in (PARENT, PARENT.replace(b"-01", b"-00")):
            with request_span("POST", [(b"traceparent", parent)], "r2"):
                # Lines of the log name the caller's trace, whoever keeps it.
                assert current_trace_id() == PARENT.decode()[3:35]
        assert len(exporter.get_finished_spans()) == 11
    finally:
        stop_tracing()


def test_off_it_imports_nothing_and_does_nothing() -> None:
    code = """
import sys
from serving.telemetry.tracing import name_request, request_span, span, start_tracing
assert not start_tracing()
with request_span("POST", [], "r") as current, span("tags"):
    name_request(current, "POST /predict", 500)
assert current is None
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_another_exporter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    with pytest.raises(GuanjiaError, match="is console"):
        start_tracing()
