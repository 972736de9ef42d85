"""Trace requests by OpenTelemetry: off unless `OTEL_TRACES_EXPORTER=otlp` (docs/observability.md).

While it is off, nothing of OpenTelemetry is imported and a span costs a function call. Spans name
steps, endpoints and numbers of customers; never a customer.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from features.errors import GuanjiaError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

SWITCH = "OTEL_TRACES_EXPORTER"
NO_SPAN: AbstractContextManager[Any] = nullcontext()
SILENT: Mapping[str, Any] = MappingProxyType(
    {"record_exception": False, "set_status_on_exception": False}
)
"""What errors say may name a customer: they are for the caller alone."""
PARENT = (b"traceparent", b"tracestate")


class _Tracing:
    """The tracer of this process; None while requests are not traced."""

    tracer: "Tracer | None" = None
    current: "Callable[[], Span]"


def span(name: str) -> AbstractContextManager[Any]:
    """Trace a block as one step of the current request, if the request is traced."""
    tracer = _Tracing.tracer
    # Of requests that the sampler left out, steps cost nothing either.
    if tracer is None or not _Tracing.current().is_recording():
        return NO_SPAN
    return tracer.start_as_current_span(name, **SILENT)


def request_span(
    method: str, headers: Iterable[tuple[bytes, bytes]], request_id: str
) -> AbstractContextManager[Any]:
    """Trace a block as a whole request, within the caller's trace if the request names one.

    Parameters
    ----------
    method : str
        HTTP method; `name_request` adds the endpoint, which is not known before.
    headers : iterable of (bytes, bytes)
        As ASGI gives them.
    request_id : str
        Id of the request.
    """
    tracer = _Tracing.tracer
    if tracer is None:
        return NO_SPAN
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name in PARENT
    }
    # Not in the current context: BentoML's own spans are there, which nobody keeps.
    parent = Context()
    if carrier:
        parent = TraceContextTextMapPropagator().extract(carrier, parent)
    attributes = {"http.request.method": method, "guanjia.request_id": request_id}
    return tracer.start_as_current_span(
        method,
        parent,
        SpanKind.SERVER,
        attributes=attributes,
        **SILENT,
    )


def name_request(current: Any, endpoint: str, status: int) -> None:
    """Give the span of a request its endpoint and its status, once both are known.

    Parameters
    ----------
    current : Span or None
        What `request_span` gave; None while tracing is off.
    endpoint : str
        Method and path as declared.
    status : int
        HTTP status.
    """
    if current is None:
        return
    current.update_name(endpoint)
    current.set_attribute("http.route", endpoint.partition(" ")[2])
    current.set_attribute("http.response.status_code", status)
    if status >= 500:
        from opentelemetry.trace import StatusCode

        current.set_status(StatusCode.ERROR)


def current_trace_id() -> str:
    """Return the id of the current trace, 32 hexadecimal digits; empty while there is none."""
    if _Tracing.tracer is None:
        return ""
    number = _Tracing.current().get_span_context().trace_id
    return f"{number:032x}" if number else ""


def start_tracing(processor: "SpanProcessor | None" = None) -> bool:
    """Trace requests from now on, if the environment says so.

    Parameters
    ----------
    processor : SpanProcessor, optional
        Takes the spans that end. Default: one that sends them by OTLP over HTTP to
        `OTEL_EXPORTER_OTLP_ENDPOINT`, if `OTEL_TRACES_EXPORTER` is `otlp`.

    Returns
    -------
    bool
        Whether requests are traced.

    Raises
    ------
    GuanjiaError
        If the variable names another exporter, or the extra `tracing` is not installed.
    """
    exporter = os.environ.get(SWITCH, "none")
    if processor is None and exporter in ("none", ""):
        return False
    if processor is None and exporter != "otlp":
        raise GuanjiaError(SWITCH, f"is {exporter}", "set it to `otlp`, or unset it")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import get_current_span
    except ImportError:
        cure = "install it: `pip install 'guanjia[tracing]'`"
        raise GuanjiaError(SWITCH, "needs the exporter of OpenTelemetry", cure) from None
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "guanjia")})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    _Tracing.current = staticmethod(get_current_span)
    _Tracing.tracer = provider.get_tracer("guanjia")
    return True


def stop_tracing() -> None:
    """Trace no further requests."""
    _Tracing.tracer = None
