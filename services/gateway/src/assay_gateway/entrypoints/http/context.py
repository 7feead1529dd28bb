"""What every request gets: an id, a trace, a line in the log, its place in the metrics, and an orderly end."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay_common.logs import bound_request_id, new_request_id
from assay_common.tracing import current_trace_id, current_traceparent
from assay_gateway.domain.rate import Decision
from assay_gateway.entrypoints.http.admission import rate_headers
from assay_gateway.entrypoints.http.problems import internal_error

log = structlog.get_logger()

LINGER_SECONDS: Final = 2.0
"""How long a body that nobody wants any more is read and thrown away, so that the client gets to read the answer."""
SMALL_BODY: Final = 64 * 1024
"""A body of at most so many bytes is read to its end even when nobody wants it, which keeps the connection of use."""
CLIENT_GONE: Final = 499
"""Status in log and metrics of a request whose client went away before the answer."""

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

REQUESTS: Final = Counter("gateway_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS: Final = Histogram(
    "gateway_request_seconds",
    "Time from a request's head to the end of its answer.",
    ["route"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


def request_id_from(headers: list[tuple[bytes, bytes]]) -> str:
    """The id that the client chose, if it is one that may be repeated in logs and headers, or a fresh one."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode()
    return new_request_id()


class RequestContext:
    """The outermost middleware inside the trace of a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request or WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = request_id_from(scope["headers"])
        with bound_request_id(request_id):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await _Exchange(scope, receive, send, request_id).run(self._app)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._started_at = time.perf_counter()
        self._status: int | None = None
        self._body_bytes = _announced_bytes(scope)
        self._body_ended = self._body_bytes == 0
        self._last_part: Message | None = None

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope, self.receive, self.send)
        except ClientDisconnect:
            self._status = self._status or CLIENT_GONE
        except Exception:
            log.exception("request failed", path=self._scope["path"])
            if self._status is not None:
                raise  # The answer has begun; the server can only cut it off.
            await internal_error().response(self._scope["path"])(self._scope, self.receive, self.send)
        finally:
            await self._end()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_ended = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if not self._body_ended and self._body_bytes is not None and self._body_bytes <= SMALL_BODY:
                await self._linger()
            message["headers"] = [*message.get("headers", ()), *self._headers()]
        elif not message.get("more_body", False) and not self._body_ended:
            self._last_part = message
            message = {**message, "more_body": True}
        await self._send(message)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-request-id", self._request_id.encode()), (b"x-content-type-options", b"nosniff")]
        trace_id, traceparent = current_trace_id(), current_traceparent()
        if trace_id is not None and traceparent is not None:
            headers += [(b"x-trace-id", trace_id.encode()), (b"traceparent", traceparent.encode())]
        rate = self._scope.get("state", {}).get("rate")
        if isinstance(rate, Decision):
            headers += rate_headers(rate)
        if not self._body_ended:
            headers.append((b"connection", b"close"))
        return headers

    async def _end(self) -> None:
        if self._last_part is not None:
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        seconds = time.perf_counter() - self._started_at
        route = getattr(self._scope.get("route"), "path", "unmatched")
        status = self._status or 500
        REQUESTS.labels(self._scope["method"], route, str(status)).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        log.info(
            "request",
            method=self._scope["method"],
            path=self._scope["path"],
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 3),
        )

    async def _linger(self) -> None:
        """Throw away what the client still sends: closing at once would make it lose the answer (RFC 9112, 9.6)."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._body_ended:
                    await self.receive()
        except TimeoutError:
            log.debug("client kept sending after the answer")


def _announced_bytes(scope: Scope) -> int | None:
    """How long the body is that follows the head; None when the head does not say (RFC 9112, section 6.3)."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    named = dict(headers)
    if b"transfer-encoding" in named:
        return None
    return int(named.get(b"content-length", b"0"))
