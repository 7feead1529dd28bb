"""OpenTelemetry traces: set up once a process, W3C propagation, and the way through events and Kafka headers."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

LAST_SPANS_SECONDS: Final = 3.0
"""What a process that ends gives the spans that are not exported yet; a collector that is away gets none of them."""

_TRACEPARENT = "traceparent"
_W3C = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("assay_common")


class _PromptProcessor(BatchSpanProcessor):
    """Exports in batches from a thread of its own, and does not hold up the end of the process.

    The SDK waits up to half a minute for a collector that does not answer, longer than a pod has after its drain.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        super().__init__(exporter)
        self._give_up = threading.Timer(LAST_SPANS_SECONDS, exporter.shutdown)
        self._give_up.daemon = True

    def shutdown(self) -> None:
        """Export what is buffered, for at most LAST_SPANS_SECONDS."""
        self._give_up.start()
        super().shutdown()  # type: ignore[no-untyped-call]
        self._give_up.cancel()


def configure_tracing(service: str) -> TracerProvider:
    """Record spans of this process, and export them by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT says so.

    Without an endpoint spans are still made and propagated, so that logs and events carry trace ids.
    Call `shutdown()` on the result to flush what is still buffered.
    """
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        provider.add_span_processor(_PromptProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(_W3C)
    AsyncPGInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]
    return provider


def current_trace_id() -> str | None:
    """The trace id of the current span as 32 hex digits, or None outside any span."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def current_span_id() -> str | None:
    """The id of the current span as 16 hex digits, or None outside any span."""
    context = trace.get_current_span().get_span_context()
    return trace.format_span_id(context.span_id) if context.is_valid else None


def current_traceparent() -> str | None:
    """The current span as a W3C `traceparent`, to be stored with an event or sent in a header."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get(_TRACEPARENT)


def context_from(traceparent: str | None) -> Context:
    """The trace context that a `traceparent` names; an empty one when it is absent or malformed."""
    return _W3C.extract({_TRACEPARENT: traceparent} if traceparent else {}, context=Context())


@contextmanager
def span(
    name: str,
    *,
    parent: Context | None = None,
    kind: trace.SpanKind = trace.SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Iterator[trace.Span]:
    """Run the block inside a new span, a child of `parent` (by default of the current span)."""
    with _tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes) as started:
        yield started
