"""Trace requests by OpenTelemetry: off unless `OTEL_TRACES_EXPORTER=otlp` (docs/observability.md).

While it is off, nothing of OpenTelemetry is imported and a span costs a function call. Spans name
steps, endpoints and numbers of customers; never a customer.
"""

import atexit
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from features.errors import GuanjiaError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

    from serving.telemetry.request_trace import RequestTrace

SWITCH = "OTEL_TRACES_EXPORTER"
SAMPLER = "OTEL_TRACES_SAMPLER"
NO_SPAN: AbstractContextManager[Any] = nullcontext()
PARENT = (b"traceparent", b"tracestate")
LAST_BITS = (1 << 64) - 1
"""What a share looks at in the id of a trace."""
DEFAULT_SHARE = 0.05
"""Share of the requests that are traced, where `OTEL_TRACES_SAMPLER` does not say."""


class _Tracing:
    """How this process begins the trace of a request; None while requests are not traced."""

    begin: "Callable[[str, dict[bytes, bytes], str], AbstractContextManager[Any]] | None" = None
    current: "Callable[[], RequestTrace | None]"
    step: "Callable[[RequestTrace, str], AbstractContextManager[None]]"
    processor: "SpanProcessor"


def span(name: str) -> AbstractContextManager[Any]:
    """Trace a block as one step of the current request, if the request is traced."""
    if _Tracing.begin is None:
        return NO_SPAN
    trace = _Tracing.current()
    # Of requests that the sampler left out, steps cost nothing either.
    if trace is None or not trace.is_recorded:
        return NO_SPAN
    return _Tracing.step(trace, name)


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
    if _Tracing.begin is None:
        return NO_SPAN
    return _Tracing.begin(
        method, {name: value for name, value in headers if name in PARENT}, request_id
    )


def name_request(current: Any, endpoint: str, status: int) -> None:
    """Give the span of a request its endpoint and its status, once both are known.

    Parameters
    ----------
    current : RequestTrace or None
        What `request_span` gave; None while tracing is off.
    endpoint : str
        Method and path as declared.
    status : int
        HTTP status.
    """
    if current is None:
        return
    current.name = endpoint
    current.attributes["http.route"] = endpoint.partition(" ")[2]
    current.attributes["http.response.status_code"] = status
    # What errors say is not recorded: it may name a customer, and is for the caller alone.
    current.failed = status >= 500


def current_trace_id() -> str:
    """Return the id of the current trace, 32 hexadecimal digits; empty while there is none."""
    if _Tracing.begin is None:
        return ""
    trace = _Tracing.current()
    return "" if trace is None else f"{trace.trace_id:032x}"


def start_tracing(
    exporter: "SpanExporter | None" = None,
    batched: "Callable[[SpanExporter], SpanProcessor] | None" = None,
) -> bool:
    """Trace requests from now on, if the environment says so.

    Parameters
    ----------
    exporter : SpanExporter, optional
        Takes the spans that end. Default: one that sends them by OTLP over HTTP to
        `OTEL_EXPORTER_OTLP_ENDPOINT`, if `OTEL_TRACES_EXPORTER` is `otlp`.
    batched : callable, optional
        Makes the processor that hands traces to the exporter. Default: `BatchSpanProcessor`.

    Returns
    -------
    bool
        Whether requests are traced.

    Raises
    ------
    GuanjiaError
        If the variable names another exporter, or the extra `tracing` is not installed.
    """
    kind = os.environ.get(SWITCH, "none")
    if exporter is None and kind in ("none", ""):
        return False
    if exporter is None and kind != "otlp":
        raise GuanjiaError(SWITCH, f"is {kind}", "set it to `otlp`, or unset it")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

        from serving.telemetry.request_trace import Step, TraceExporter, current
    except ImportError:
        cure = "install it: `pip install 'guanjia[tracing]'`"
        raise GuanjiaError(SWITCH, "needs the exporter of OpenTelemetry", cure) from None
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "guanjia")})
    share = None if os.environ.get(SAMPLER) else TraceIdRatioBased(DEFAULT_SHARE)
    # It reads the standard variables; spans are made by `request_trace`.
    sampler = None if share is None else ParentBased(share)
    provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
    exporting = TraceExporter(exporter or OTLPSpanExporter(), provider.resource)
    processor = (batched or BatchSpanProcessor)(exporting)
    atexit.register(processor.shutdown)
    _Tracing.processor = processor
    _Tracing.current, _Tracing.step = current.get, staticmethod(Step)
    bound = LAST_BITS + 1 if share is None else share.bound
    _Tracing.begin = staticmethod(_beginning(provider.sampler, processor, bound))
    return True


def stop_tracing() -> None:
    """Trace no further requests, and export those that ended."""
    if _Tracing.begin is not None:
        _Tracing.begin = None
        atexit.unregister(_Tracing.processor.shutdown)
        _Tracing.processor.shutdown()


def _beginning(
    sampler: Any, processor: "SpanProcessor", bound: int
) -> "Callable[[str, dict[bytes, bytes], str], AbstractContextManager[Any]]":
    """Make what begins the trace of a request: method, headers of the caller's trace, id.

    Where the caller names no trace, only those whose last bits are below the bound can be sampled:
    of the others the sampler, which costs more than the rest of it, need not be asked.
    """
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.trace import SpanKind, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    from serving.telemetry.request_trace import RequestTrace

    propagator, ids = TraceContextTextMapPropagator(), RandomIdGenerator()
    hand_over: Any = processor.on_end
    # Not the current context: BentoML's own spans are there, which nobody keeps.
    empty = Context()

    def begin(
        method: str, headers: dict[bytes, bytes], request_id: str
    ) -> AbstractContextManager[Any]:
        context, parent, trace_id = empty, None, ids.generate_trace_id()
        if headers:
            carrier = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()
            }
            context = propagator.extract(carrier, context)
            theirs = get_current_span(context).get_span_context()
            if theirs.is_valid:
                parent, trace_id = theirs, theirs.trace_id
        elif trace_id & LAST_BITS >= bound:
            return NO_SPAN
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "guanjia.request_id": request_id,
        }
        result = sampler.should_sample(context, trace_id, method, SpanKind.SERVER, attributes)
        if parent is None and not result.decision.is_sampled():
            return NO_SPAN  # a trace that nobody sees needs no id
        return RequestTrace(
            method,
            trace_id,
            parent,
            result.trace_state,
            attributes,
            hand_over if result.decision.is_sampled() else None,
        )

    return begin
