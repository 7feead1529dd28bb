"""The HTTP server inside the life of the process."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from assay_common.lifecycle import Lifecycle
from assay_common.settings import host_and_port
from assay_gateway.entrypoints.http.protocol import guarded
from assay_gateway.settings import HttpSettings

log = structlog.get_logger()

BACKLOG: Final = 2048
ACCEPT_SECONDS: Final = 0.1
"""How long the connections that wait to be accepted may take for that when the server stops."""
MAX_FILES: Final = 65_536
"""Files that the process asks to be allowed to have open."""
MAX_WEBSOCKET_MESSAGE: Final = 64 * 1024
"""Bytes; a listener has nothing to say but its token."""


class _Server(uvicorn.Server):
    """A server inside another program: signals are that program's business."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, but first accept who has connected already: closing the socket would cut those off."""
        for listening in sockets or ():
            listening.listen(0)  # Who comes now gets no answer, and is refused once the socket is closed.
        await asyncio.sleep(ACCEPT_SECONDS)
        await super().shutdown(sockets)


@asynccontextmanager
async def serve_http(lifecycle: Lifecycle, settings: HttpSettings, app: ASGIApp) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the bound port.

    At its end connections are still accepted for `linger_seconds`, as load balancers learn only by and by that this
    replica goes; each is closed after its next answer. Then no connection is accepted any more, and requests in flight
    may finish within the grace. A server that breaks stops the process. Raises OSError when the port is taken.
    """
    listener = _listen(settings.listen, settings.unread_seconds)
    _allow_many_connections()
    port: int = listener.getsockname()[1]
    server = _Server(
        uvicorn.Config(
            app,
            http=guarded(settings),
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=settings.keep_alive_seconds,
            ws_max_size=MAX_WEBSOCKET_MESSAGE,
            ws_per_message_deflate=False,  # Events are small, and each would be compressed for every listener anew.
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies or None,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    lifecycle.spawn("http server", _until_stopping(lifecycle, serving))
    log.info("http listens", address=settings.listen, port=port)
    try:
        yield port
    finally:
        if not serving.done():
            await asyncio.sleep(min(settings.linger_seconds, lifecycle.grace_left() / 2))
        server.config.timeout_graceful_shutdown = max(1, round(lifecycle.grace_left()))
        server.should_exit = True
        await serving


async def _until_stopping(lifecycle: Lifecycle, serving: asyncio.Task[None]) -> None:
    """Raise when the server ends before it was asked to."""
    stopping = asyncio.create_task(lifecycle.stopping.wait())
    await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done() and not lifecycle.stopping.is_set():
        serving.result()
        raise RuntimeError("the http server ended by itself")


def _listen(address: str, unread_seconds: float) -> socket.socket:
    host, port = host_and_port(address)
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address} (ASSAY_HTTP__LISTEN): {error.strerror}") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections inherit it. Else one whose client is there and does not read would never end: closing waits until
        # all is sent, and TCP waits for ever (RFC 5482, RFC 9293, section 3.8.6.1).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(unread_seconds * 1000))
    return listener


def _allow_many_connections() -> None:
    """Each connection is an open file, of which many systems give a process 1,024 unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
