"""The operators' HTTP port of a process: /healthz (alive), /readyz (give me work) and /metrics (Prometheus)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Protocol

import structlog
import uvicorn
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assay_common.settings import OpsSettings, host_and_port

log = structlog.get_logger()


class Readiness(Protocol):
    """What the port needs to know of the process."""

    @property
    def problems(self) -> dict[str, str]:
        """Failed checks by name."""

    async def probe(self) -> bool:
        """Whether the process takes work, asked afresh."""


class _Server(uvicorn.Server):
    """A server inside another program: signals are that program's business."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def ops_app(readiness: Readiness) -> Starlette:
    """The three routes as an ASGI application."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        ready = await readiness.probe()
        return JSONResponse({"ready": ready, "problems": readiness.problems}, status_code=200 if ready else 503)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), headers={"content-type": content_type})

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])


@asynccontextmanager
async def ops_server(settings: OpsSettings, readiness: Readiness) -> AsyncIterator[int]:
    """Serve the routes for the length of the block; yields the bound port. Raises OSError when it is taken."""
    listener = _listen(settings.listen)
    port: int = listener.getsockname()[1]
    config = uvicorn.Config(ops_app(readiness), log_config=None, access_log=False, lifespan="off", ws="none")
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="ops server")
    log.info("ops port listens", address=settings.listen, port=port)
    try:
        yield port
    finally:
        server.should_exit = True
        await serving


def _listen(address: str) -> socket.socket:
    host, port = host_and_port(address)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address} (ASSAY_OPS__LISTEN): {error.strerror}") from error
