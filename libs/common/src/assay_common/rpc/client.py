"""Channels to other services: the caller's identity, request id, trace and deadline go along; retries where safe."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from opentelemetry.instrumentation.grpc import aio_client_interceptors

from assay_common.idempotency import KEY_METADATA, key_of_calls
from assay_common.identity import current_principal
from assay_common.logs import REQUEST_ID_METADATA, request_id
from assay_common.origin import ADDRESS_METADATA, origin
from assay_common.rpc.deadline import time_left
from assay_common.settings import GrpcSettings
from assay_protos.permissions import methods

AUTHORIZATION: Final = "authorization"

_SAFE_TO_REPEAT: Final = frozenset({MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT})

_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ("grpc.enable_retries", 1),
)


@asynccontextmanager
async def channel(target: str, settings: GrpcSettings) -> AsyncIterator[grpc.aio.Channel]:
    """A channel for the length of the block.

    Calls are spread over all addresses of the target but those whose server says that it stops. UNAVAILABLE, and
    CANCELLED by a server that stops, are retried (4 attempts) for RPCs that the contract declares free of side effects
    or idempotent, never for others. A call carries the current principal's token unless metadata names another, the
    request id, the client at the far end and the idempotency key; it ends when the current RPC's deadline does, or
    after `settings.deadline_seconds` where there is none and the caller gave none.
    """
    opened = grpc.aio.insecure_channel(
        target,
        options=[
            *_OPTIONS,
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_send_message_length", settings.max_message_bytes),
            ("grpc.service_config", service_config(watch_health=settings.watch_health)),
        ],
        interceptors=[
            *aio_client_interceptors(),  # type: ignore[no-untyped-call]
            *_interceptors(settings.deadline_seconds),
        ],
    )
    async with opened:
        yield opened


@cache
def service_config(*, watch_health: bool) -> str:
    """The gRPC service config as JSON (https://github.com/grpc/grpc/blob/master/doc/service_config.md).

    With `watch_health` the client watches grpc.health.v1 of every server and gives no call to one that says it stops
    (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
    """
    repeatable = [
        {"service": method.containing_service.full_name, "method": method.name}
        for method in methods().values()
        if is_safe_to_repeat(method)
    ]
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            **({"healthCheckConfig": {"serviceName": ""}} if watch_health else {}),
            "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
            "methodConfig": [
                {
                    "name": repeatable,
                    "retryPolicy": {
                        "maxAttempts": 4,
                        "initialBackoff": "0.1s",
                        "maxBackoff": "1s",
                        "backoffMultiplier": 2,
                        # A server that stops before we have left it cancels calls that have come and that it has
                        # not begun. (What we cancel ourselves is never repeated.)
                        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                    },
                }
            ],
        }
    )


def is_safe_to_repeat(method: MethodDescriptor) -> bool:
    """Whether the contract says that calling twice does no more than calling once."""
    return method.GetOptions().idempotency_level in _SAFE_TO_REPEAT


class _Outgoing:
    """Completes the details of a call that is about to be made."""

    def __init__(self, default_deadline: float) -> None:
        self._default_deadline = default_deadline

    def _completed(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        caller = current_principal()
        if caller is not None and metadata.get(AUTHORIZATION) is None:
            metadata.add(AUTHORIZATION, f"Bearer {caller.token}")
        current_request = request_id.get()
        if current_request is not None and metadata.get(REQUEST_ID_METADATA) is None:
            metadata.add(REQUEST_ID_METADATA, current_request)
        if metadata.get(ADDRESS_METADATA) is None:
            for name, value in origin().to_metadata():
                metadata.add(name, value)
        once = key_of_calls()
        if once is not None and metadata.get(KEY_METADATA) is None:
            metadata.add(KEY_METADATA, once)
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=self._deadline(details.timeout),
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )

    def _deadline(self, asked: float | None) -> float:
        left = time_left()
        if left is None:
            return self._default_deadline if asked is None else asked
        return left if asked is None else min(asked, left)


class _UnaryUnary(_Outgoing, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self._completed(client_call_details), request)


class _UnaryStream(_Outgoing, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self._completed(client_call_details), request)


class _StreamUnary(_Outgoing, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: AsyncIterable[Any] | Iterable[Any],
    ) -> Any:
        return await continuation(self._completed(client_call_details), request_iterator)


class _StreamStream(_Outgoing, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: AsyncIterable[Any] | Iterable[Any],
    ) -> Any:
        return await continuation(self._completed(client_call_details), request_iterator)


def _interceptors(default_deadline: float) -> list[grpc.aio.ClientInterceptor]:
    """One interceptor for each kind of RPC: grpc.aio files an interceptor under the first kind it finds."""
    return [kind(default_deadline) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]
