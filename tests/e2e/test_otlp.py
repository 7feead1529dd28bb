"""Spans go to a collector over OTLP/gRPC: one trace from the request over gRPC, outbox and Kafka to the model."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from tests.e2e.asked import short_run

from assay_testing.api import Api, eventually
from assay_testing.blocking import run


@dataclass(frozen=True)
class Span:
    """A span, as far as the test asks for it."""

    service: str
    name: str
    kind: int
    trace_id: str
    id: str
    parent: str
    attributes: dict[str, object]


@dataclass
class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """What a collector does with spans: it takes them."""

    spans: list[Span] = field(default_factory=list)

    def Export(self, request, context):
        for group in request.resource_spans:
            service = _attributes(group.resource.attributes)["service.name"]
            for scope in group.scope_spans:
                self.spans += [_span(str(service), each) for each in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def of(self, trace_id: str) -> list[Span]:
        """The spans of a trace that have come so far."""
        return [span for span in list(self.spans) if span.trace_id == trace_id]


def _attributes(pairs):
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in pairs}


def _span(service: str, span) -> Span:
    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    return Span(service, span.name, span.kind, *ids, _attributes(span.attributes))


SERVER, CLIENT, CONSUMER = 2, 3, 5
"""SpanKind of OTLP."""


@pytest.fixture
def collector() -> Iterator[tuple[Collector, int, grpc.Server]]:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector, port, server
    server.stop(None)


@pytest.mark.timeout(600)
def test_one_request_is_one_trace_at_the_collector(collector, make_stack):
    received, port, server = collector
    exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    stack = make_stack(variables={"*": exporting})
    run(stack.up())
    try:
        api = Api(stack.gateway_url, stack.admin_email, stack.admin_password)
        wanted = short_run(api)
        answer = api.http.post("/v1/runs", json=wanted)
        api.finished(f"/v1/runs/{answer.json()['id']}")
        trace_id = answer.headers["x-trace-id"]
        spans = eventually(lambda: received.of(trace_id), _is_whole)
        _assert_one_tree(spans)
        _assert_conventions(spans)

        server.stop(None)  # the collector goes away, and nothing else does
        api.finished(f"/v1/runs/{api.post('/v1/runs', wanted)['id']}")
    finally:
        run(stack.down())


def _is_whole(spans: list[Span]) -> bool:
    chats = [span for span in spans if span.name.startswith("chat ")]
    consumers = {span.service for span in spans if span.kind == CONSUMER}
    roots = [span for span in spans if not span.parent]
    known = {"", *(span.id for span in spans)}
    return (
        bool(chats)
        and len(roots) == 1
        and {"evaluation", "analytics"} <= {name.split("-")[0] for name in consumers}
        and all(span.parent in known for span in spans)  # each process sends its own when it likes
    )


def _assert_one_tree(spans: list[Span]) -> None:
    """Every span but the request's own has its parent in the trace, and services follow in the order of the work."""
    by_id = {span.id: span for span in spans}
    (root,) = [span for span in spans if not span.parent]
    assert (root.service, root.kind) == ("gateway", SERVER)
    assert all(span.parent in by_id for span in spans if span is not root)
    (chat,) = [span for span in spans if span.name.startswith("chat ")]
    way = [chat]
    while way[-1].parent:
        way.append(by_id[way[-1].parent])
    names = [(span.service, span.kind) for span in reversed(way)]
    assert names[0] == ("gateway", SERVER)
    assert ("evaluation", SERVER) in names
    assert CONSUMER in [kind for _, kind in names]
    assert {"gateway", "prompt", "evaluation"} <= {span.service.removesuffix("-worker") for span in spans}


def _assert_conventions(spans: list[Span]) -> None:
    """Names after OpenTelemetry's semantic conventions: HTTP, RPC, messaging, generative AI."""
    (root,) = [span for span in spans if not span.parent]
    assert root.attributes["http.route"] == "/v1/runs"
    calls = [span for span in spans if span.kind == CLIENT and "rpc.system" in span.attributes]
    assert {span.attributes["rpc.service"] for span in calls} >= {"assay.evaluation.v1.RunService"}
    consumed = [span for span in spans if span.kind == CONSUMER]
    assert {span.attributes["messaging.system"] for span in consumed} == {"kafka"}
    assert {span.attributes["messaging.destination.name"] for span in consumed} >= {"assay.evaluation.tasks"}
    (chat,) = [span for span in spans if span.name.startswith("chat ")]
    assert chat.kind == CLIENT
    assert chat.attributes["gen_ai.operation.name"] == "chat"
    assert chat.attributes["gen_ai.request.model"] == "local/smollm2"
    assert chat.attributes["gen_ai.request.max_tokens"] == 2
    assert chat.attributes["gen_ai.usage.output_tokens"] > 0
    assert {"gen_ai.provider.name", "gen_ai.usage.input_tokens", "gen_ai.response.model"} <= set(chat.attributes)
