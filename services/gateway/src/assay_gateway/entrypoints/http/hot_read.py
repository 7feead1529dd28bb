"""The hot read: GET /v1/prompts/{prompt}/resolve, answered before FastAPI is asked when everything is at hand.

This is a short cut, not a second route: it answers only what is in the cache, for a caller who is known, may read and
has budget left; it waits for nothing but a new lease of that budget. Whatever is missing, wrong or unusual is left to
the route itself, which does the same work in full. What it leaves out is the line in the log; and it makes a span only
for a caller that sends a trace along.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, unquote
from uuid import UUID

from opentelemetry.trace import SpanKind
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assay_common.errors import AssayError
from assay_common.identity import Principal
from assay_common.rpc.errors import RemoteError
from assay_common.tracing import context_from, current_trace_id, current_traceparent, span
from assay_gateway.application.authenticate import KEY_PREFIX
from assay_gateway.domain.prompts import Document, Selector
from assay_gateway.entrypoints.http.admission import rate_headers
from assay_gateway.entrypoints.http.context import ANSWERS, REQUEST_SECONDS, REQUESTS, request_id_from
from assay_gateway.entrypoints.http.gateway import Gateway
from assay_gateway.entrypoints.http.security import Headers, security_headers

PERMISSION: Final = "prompts:read"
ROUTE: Final = "/v1/prompts/{prompt}/resolve"

_START: Final = b"/v1/prompts/"
_END: Final = b"/resolve"
_CLOSE: Final = (b"connection", b"close")
_PRIVATE: Final = b"private, no-cache"
_COUNT: Final = {status: REQUESTS.labels("GET", ROUTE, str(status)) for status in (200, 304)}
_CLASS: Final = {200: ANSWERS.labels("2xx"), 304: ANSWERS.labels("3xx")}
_SECONDS: Final = REQUEST_SECONDS.labels(ROUTE)


def answer(document: Document, if_none_match: bytes) -> Response:
    """The answer of the route itself."""
    headers = {"etag": document.etag.decode(), "cache-control": _PRIVATE.decode()}
    if if_none_match and document.matches(if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(document.body, media_type="application/json", headers=headers)


class HotRead:
    """Stands before the application and answers hot reads from memory."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway
        self._security = security_headers(gateway.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, or hand on."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path: bytes = scope["raw_path"]
            if path.startswith(_START) and path.endswith(_END) and not await self._missed(scope, path, send):
                return
        await self._app(scope, receive, send)

    async def _missed(self, scope: Scope, path: bytes, send: Send) -> bool:
        """Try to answer; True when the route has to."""
        started_at = time.perf_counter()
        headers = dict(scope["headers"])
        caller = await self._known_caller(headers.get(b"authorization", b""))
        if caller is None or caller.org_id is None or PERMISSION not in caller.permissions:
            return True
        selector = _selector(caller.org_id, path[len(_START) : -len(_END)], scope["query_string"])
        document = None if selector is None else self._gateway.resolve_prompt.at_once(selector, caller)
        if document is None:
            return True
        client = scope["client"]
        claims = self._gateway.limits.of_caller(caller, client[0] if client else "unknown")
        decision = await self._gateway.limit_rate(claims)
        if not decision.allowed:
            return True
        always = self._security if not self._gateway.stopping.is_set() else (*self._security, _CLOSE)
        await _send(scope, headers, document, (*rate_headers(decision), *always), send, started_at)
        return False

    async def _known_caller(self, authorization: bytes) -> Principal | None:
        """The caller; None for the route to say what is wrong."""
        if authorization[:7].lower() != b"bearer ":
            return None
        bearer = authorization[7:].strip().decode("latin-1")
        if bearer.startswith(KEY_PREFIX) and not self._gateway.authenticate.remembers(bearer):
            return None  # Auth has to be asked, which a network address may not make it do without end.
        try:
            return await self._gateway.authenticate(bearer)
        except (AssayError, RemoteError):
            return None


@lru_cache(maxsize=10_000)
def _selector(org_id: UUID, name: bytes, query: bytes) -> Selector | None:
    """What the read names; None for the route to look at it more closely."""
    if not name or b"/" in name:
        return None
    prompt = unquote(name.decode("latin-1")) if b"%" in name else name.decode("latin-1")
    if not query:
        return Selector(org_id, prompt)
    named = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if len(named) != 1:
        return None
    key, value = named[0]
    if key == "label" and value:
        return Selector(org_id, prompt, label=value)
    if key == "version" and value.isascii() and value.isdigit() and value[0] != "0":
        return Selector(org_id, prompt, version=int(value))
    return None


async def _send(
    scope: Scope, asked: dict[bytes, bytes], document: Document, others: Headers, send: Send, started_at: float
) -> None:
    not_modified = document.matches(asked[b"if-none-match"]) if b"if-none-match" in asked else False
    headers = [
        (b"etag", document.etag),
        (b"cache-control", _PRIVATE),
        (b"x-request-id", request_id_from(scope["headers"]).encode()),
        *others,
    ]
    if b"traceparent" in asked:
        headers += _traced(asked[b"traceparent"].decode("latin-1"))
    if not_modified:
        status, body = 304, b""
    else:
        status, body = 200, document.body
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    _COUNT[status].inc()
    _CLASS[status].inc()
    _SECONDS.observe(time.perf_counter() - started_at)


def _traced(traceparent: str) -> list[tuple[bytes, bytes]]:
    """Take part in the caller's trace with a span of this read."""
    with span(f"GET {ROUTE}", parent=context_from(traceparent), kind=SpanKind.SERVER, attributes={"http.route": ROUTE}):
        trace_id, own = current_trace_id(), current_traceparent()
    if trace_id is None or own is None:
        return []
    return [(b"x-trace-id", trace_id.encode()), (b"traceparent", own.encode())]
