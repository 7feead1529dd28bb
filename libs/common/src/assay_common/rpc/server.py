"""The gRPC server of a service: authorised, observed, and stopped without cutting off what is in flight."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import grpc
import grpc.aio
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection
from opentelemetry.instrumentation.grpc import aio_server_interceptor

from assay_common.lifecycle import Lifecycle
from assay_common.rpc.arrivals import Arrivals
from assay_common.rpc.authorisation import Authoriser, is_infrastructure, permissions_of
from assay_common.rpc.interceptor import RpcInterceptor
from assay_common.rpc.jwks import TokenVerifier
from assay_common.settings import GrpcSettings

log = structlog.get_logger()

Servicer = tuple[Callable[[Any, Any], None], Any]
"""A generated `add_XServicer_to_server` and the servicer it adds."""

_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING

_SERVER: Final = ""
"""The health of the server as a whole, by the protocol's own name for it."""

LEAVING_SECONDS: Final = 5.0
"""How long, at most, a server that stops waits for its callers to leave."""

KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # Connections end now and then, so that clients look for new replicas; calls on them may finish.
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 600_000),
    ("grpc.so_reuseport", 0),
)


@asynccontextmanager
async def serve(
    lifecycle: Lifecycle,
    settings: GrpcSettings,
    servicers: Sequence[Servicer],
    service_descriptors: Sequence[ServiceDescriptor],
    verifier: TokenVerifier,
) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the bound port.

    Health (grpc.health.v1) of the services follows the process's readiness, that of the server ("") its life: our
    clients watch the latter, so that they leave a server that stops, but still hear from one whose database is away
    what is wrong. When the process stops, calls are taken until the callers have left, since gRPC cancels those that
    it has received and not begun (https://github.com/grpc/grpc/issues/41785); then new RPCs are refused and those in
    flight get what is left of the grace. Raises UndeclaredPermissionError when an RPC declares no permission, OSError
    when the port is taken.
    """
    authorise = Authoriser(permissions_of(service_descriptors), verifier)
    arrivals = Arrivals()
    server = grpc.aio.server(
        interceptors=[
            aio_server_interceptor(filter_=_is_traced),  # type: ignore[no-untyped-call]
            arrivals,
            RpcInterceptor(authorise),
        ],
        options=[
            *KEEPALIVE,
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_send_message_length", settings.max_message_bytes),
        ],
    )
    for add_to_server, servicer in servicers:
        add_to_server(servicer, server)
    names = [descriptor.full_name for descriptor in service_descriptors]
    health_servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection([*names, "grpc.health.v1.Health", reflection.SERVICE_NAME], server)
    port = _bind(server, settings.listen)
    await _announce(health_servicer, (_SERVER, *names), ready=lifecycle.ready)
    await server.start()
    lifecycle.spawn("grpc health", _follow_readiness(lifecycle, health_servicer, names), cancel_on_stop=True)
    lifecycle.spawn("grpc server", _stop_gracefully(lifecycle, server, health_servicer, arrivals))
    log.info("grpc listens", address=settings.listen, port=port, services=names)
    try:
        yield port
    finally:
        await server.stop(lifecycle.grace_left() if lifecycle.stopping.is_set() else 0)


def _is_traced(call: grpc.HandlerCallDetails) -> bool:
    return not is_infrastructure(call.method)


def _bind(server: grpc.aio.Server, address: str) -> int:
    problem = f"cannot listen on {address} (ASSAY_GRPC__LISTEN)"
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"{problem}: {error}") from error
    if port == 0:
        raise OSError(problem)
    return port


async def _follow_readiness(lifecycle: Lifecycle, servicer: health.HealthServicer, names: Sequence[str]) -> None:
    async for ready in lifecycle.readiness():
        await _announce(servicer, (_SERVER, *names) if ready else names, ready=ready)


async def _announce(servicer: health.HealthServicer, names: Iterable[str], *, ready: bool) -> None:
    for name in names:
        await servicer.set(name, _SERVING if ready else _NOT_SERVING)


async def _stop_gracefully(
    lifecycle: Lifecycle, server: grpc.aio.Server, health_servicer: health.HealthServicer, arrivals: Arrivals
) -> None:
    await lifecycle.stopping.wait()
    await health_servicer.enter_graceful_shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(min(LEAVING_SECONDS, lifecycle.grace_left() / 2)):
            await arrivals.have_ended()
    await server.stop(lifecycle.grace_left())
