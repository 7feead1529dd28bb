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
from assay_common.origin import MAX_CHARS, Origin, originating
from assay_common.tracing import current_trace_id, current_traceparent
from assay_gateway.domain.rate import Decision
from assay_gateway.entrypoints.http.admission import rate_headers
from assay_gateway.entrypoints.http.problems import from_http, internal_error
from assay_gateway.entrypoints.http.security import NO_CONTENT, Headers
from assay_gateway.settings import HttpSettings

log = structlog.get_logger()

LINGER_SECONDS: Final = 2.0
"""How long a body that nobody wants any more is read and thrown away, so that the client gets to read the answer."""
SMALL_BODY: Final = 64 * 1024
"""A body of at most so many bytes is read to its end even when nobody wants it, which keeps the connection of use."""
CLIENT_GONE: Final = 499
"""Status in log and metrics of a request whose client went away before the answer."""

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

REQUESTS: Final = Counter("gateway_requests", "Requests answered.", ["method", "route", "status"])
ANSWERS: Final = Counter("gateway_answers", "Requests answered, by the class of their status.", ["status_class"])
for _class in range(1, 6):  # all from nothing: a rate does not see the first of what was never seen at 0
    ANSWERS.labels(f"{_class}xx")
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

    def __init__(self, app: ASGIApp, security: Headers, settings: HttpSettings, stopping: asyncio.Event) -> None:
        self._app = app
        self._security = security
        self._settings = settings
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request or WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = request_id_from(scope["headers"])
        with bound_request_id(request_id), originating(_origin(scope)):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
                return
            exchange = _Exchange(scope, receive, send, request_id, self._security, self._stopping)
            await exchange.run(self._app if self._is_head_small(scope["headers"]) else _head_too_large)

    def _is_head_small(self, headers: list[tuple[bytes, bytes]]) -> bool:
        size = sum(len(name) + len(value) for name, value in headers)
        return len(headers) <= self._settings.max_headers and size <= self._settings.max_header_bytes


def _origin(scope: Scope) -> Origin:
    """Who is at the far end, for the services behind."""
    client = scope.get("client")
    user_agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return Origin(client[0] if client else "", user_agent.decode("latin-1")[:MAX_CHARS])


async def _head_too_large(scope: Scope, receive: Receive, send: Send) -> None:
    problem = from_http(431, "there are more or larger headers than this server takes")
    await problem.response(scope["path"])(scope, receive, send)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        request_id: str,
        security: Headers,
        stopping: asyncio.Event,
    ) -> None:
        self._scope = scope
        self._security = security
        self._stopping = stopping
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
            given = list(message.get("headers", ()))
            message["headers"] = [*given, *self._headers(), *_missing(given, self._security)]
        elif not message.get("more_body", False) and not self._body_ended:
            self._last_part = message
            message = {**message, "more_body": True}
        await self._send(message)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-request-id", self._request_id.encode())]
        trace_id, traceparent = current_trace_id(), current_traceparent()
        if trace_id is not None and traceparent is not None:
            headers += [(b"x-trace-id", trace_id.encode()), (b"traceparent", traceparent.encode())]
        state = self._scope.get("state", {})
        rate = state.get("rate")
        if isinstance(rate, Decision):
            headers += rate_headers(rate)
        headers += state.get("deprecation", ())
        if not self._body_ended or self._stopping.is_set():
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
        ANSWERS.labels(f"{status // 100}xx").inc()
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


def _missing(given: list[tuple[bytes, bytes]], security: Headers) -> list[tuple[bytes, bytes]]:
    """What an answer gets that does not say otherwise: it is kept by nobody, and does nothing in a browser."""
    names = {name.lower() for name, _ in given}
    headers = [header for header in security if header[0] not in names]
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"private, no-cache" if b"etag" in names else b"no-store"))
    if b"content-security-policy" not in names:
        headers.append((b"content-security-policy", NO_CONTENT))
    return headers


def _announced_bytes(scope: Scope) -> int | None:
    """How long the body is that follows the head; None when the head does not say (RFC 9112, section 6.3)."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    named = dict(headers)
    if b"transfer-encoding" in named:
        return None
    return int(named.get(b"content-length", b"0"))
