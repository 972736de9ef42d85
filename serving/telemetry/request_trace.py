"""Record a traced request as a few numbers; spans of OpenTelemetry are made of it when exported.

The thread that answers notes when each step began and ended. Making the spans, which costs ten
times as much, is the work of the thread that exports them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
SCOPE = InstrumentationScope("guanjia")
_IDS = RandomIdGenerator()
current: "ContextVar[RequestTrace | None]" = ContextVar("request_trace", default=None)
"""The trace of the request that is being answered."""


class RequestTrace:
    """The trace of one request, as a context: it ends with the block.

    Parameters
    ----------
    name : str
        HTTP method; the endpoint follows once it is known.
    trace_id : int
        Its trace.
    parent : SpanContext, optional
        The caller's span.
    state : TraceState, optional
        What the sampler hands on.
    attributes : dict of str to str or int
        What is known from the beginning; more is added.
    hand_over : callable, optional
        Takes the trace when it ended; None: the sampler left it out.
    """

    __slots__ = ("_hand_over", "_token", "attributes", "began", "context", "ended", "failed",
                 "name", "parent", "steps", "trace_id")  # fmt: skip

    def __init__(
        self,
        name: str,
        trace_id: int,
        parent: SpanContext | None,
        state: TraceState | None,
        attributes: dict[str, str | int],
        hand_over: "Callable[[RequestTrace], None] | None",
    ) -> None:
        self.trace_id = trace_id
        # Of a request that the sampler left out nothing is exported: it needs no span.
        self.context = (
            SpanContext(trace_id, _IDS.generate_span_id(), False, SAMPLED, state)
            if hand_over
            else INVALID_SPAN_CONTEXT
        )
        self.name, self.parent = name, parent
        self.attributes = attributes
        self.steps: list[tuple[str, int, int]] = []
        self.began = self.ended = 0
        self.failed = False
        self._hand_over = hand_over
        self._token: Token[RequestTrace | None] | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether steps are noted."""
        return self._hand_over is not None

    def __enter__(self) -> Self:
        """Begin."""
        self._token = current.set(self)
        self.began = time.time_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and hand over."""
        self.ended = time.time_ns()
        if self._token is not None:
            current.reset(self._token)
        if self._hand_over is not None:
            self._hand_over(self)

    def spans(self, resource: Resource) -> Iterator[ReadableSpan]:
        """Make the spans: the steps in the order of their ends, then the request."""
        for name, began, ended in self.steps:
            own = SpanContext(
                self.context.trace_id,
                _IDS.generate_span_id(),
                False,
                self.context.trace_flags,
                self.context.trace_state,
            )
            yield _span(name, own, self.context, resource, SpanKind.INTERNAL, began, ended)
        status = Status(StatusCode.ERROR) if self.failed else Status()
        yield _span(
            self.name,
            self.context,
            self.parent,
            resource,
            SpanKind.SERVER,
            self.began,
            self.ended,
            attributes=self.attributes,
            status=status,
        )


class Step:
    """A step of a traced request, as a context."""

    __slots__ = ("_began", "_name", "_trace")

    def __init__(self, trace: RequestTrace, name: str) -> None:
        self._trace, self._name, self._began = trace, name, 0

    def __enter__(self) -> None:
        """Begin."""
        self._began = time.time_ns()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._trace.steps.append((self._name, self._began, time.time_ns()))


class TraceExporter(SpanExporter):
    """Make spans of the traces that a processor batched, and export them.

    Parameters
    ----------
    inner : SpanExporter
        Exports spans.
    resource : Resource
        Who made them.
    """

    def __init__(self, inner: SpanExporter, resource: Resource) -> None:
        self._inner, self._resource = inner, resource

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Export the spans of traces (`RequestTrace`)."""
        return self._inner.export([span for trace in spans for span in trace.spans(self._resource)])

    def shutdown(self) -> None:
        """Close the inner exporter."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits in the inner exporter."""
        return self._inner.force_flush(timeout_millis)


def _span(
    name: str,
    context: SpanContext,
    parent: SpanContext | None,
    resource: Resource,
    kind: SpanKind,
    began: int,
    ended: int,
    **more: Any,
) -> ReadableSpan:
    return ReadableSpan(
        name,
        context,
        parent,
        resource,
        kind=kind,
        start_time=began,
        end_time=ended,
        instrumentation_scope=SCOPE,
        **more,
    )
