"""The live feed: the organisation's events as they happen, over a WebSocket (RFC 6455) or as server-sent events.

A listener on a WebSocket says who it is with an Authorization header, with `?token=`, or with its first message. It may
name `topics`, and the id `after` which to go on. The connection ends with

- 4400 when topics or id are not known,
- 4401 when it did not say who it is in time or not rightly,
- 4001 when its token has expired or was taken away,
- 4003 when the token names no organisation,
- 4008 when it did not read fast enough,
- 1013 when it connects or speaks too often,
- 1001 when this replica goes away.

A listener whose header or `?token=` does not hold is refused before the connection is made (403).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from assay_common.errors import AssayError, InvalidArgument
from assay_common.identity import Principal, principal
from assay_common.rpc.authorisation import TokenMissing
from assay_common.rpc.errors import RemoteError
from assay_gateway.application.live_feed import Gap, Message, Pause, Reply, Subscription
from assay_gateway.domain.cursor import Cursor
from assay_gateway.domain.feed import Told, Wanted
from assay_gateway.entrypoints.http.admission import address_of, authenticated, bearer_of
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.gateway import Gateway, TheGateway, gateway_of
from assay_gateway.entrypoints.http.listening import (
    MALFORMED,
    NO_ORGANISATION,
    NOT_AUTHENTICATED,
    TRY_AGAIN_LATER,
    Farewell,
    Listener,
)
from assay_gateway.entrypoints.http.routing import api_router
from assay_gateway.messages import to_bytes

log = structlog.get_logger()

router = APIRouter()
streams = api_router("/v1/live", "live")

CLOSE_SECONDS: Final = 1.0
"""How long a listener that does not read may delay its own farewell."""
RECONNECT_MS: Final = 2000
"""How soon a browser shall connect again after a stream has broken off."""
TEXTS: Final = 256
"""Events whose text is remembered, since each goes to many listeners at about the same time."""
GAP_WORDS: Final = "events were missed that cannot be told any more; read again what you show"

EVENT_STREAM: Final = "text/event-stream"
_EXAMPLE: Final = (
    "id: AQYDAAAAAAAGAAAAAAAABgEAAAAAAAYAAAAAAAA\n"
    'data: {"id":"01980a5e-2f5c-7d3e-9b1a-5f0c8f6f2a11","type":"assay.prompt.v1.LabelMoved","source":"prompt",'
    '"time":"2026-03-01T09:30:00Z","subject":"01980a5e-1111-7d3e-9b1a-5f0c8f6f2a11","data":{"name":"support-triage",'
    '"label":"production","version":2,"previous_version":1}}\n\n'
)


@router.websocket("/ws/live")
async def live(websocket: WebSocket) -> None:
    """Everything, or the topics named."""
    await _serve(websocket, _named(websocket.query_params.getlist("topics")))


@router.websocket("/ws/audit-updates")
async def audit_updates(websocket: WebSocket) -> None:
    """What happens to repositories and audits."""
    await _serve(websocket, ["audit"])


@streams.get(
    "",
    response_class=Response,
    responses={
        200: {
            "description": "The organisation's events, one after the other, without an end.",
            "content": {EVENT_STREAM: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)
async def stream_events(
    gateway: TheGateway,
    request: Request,
    topics: Annotated[
        list[str] | None,
        Query(description="Topics (`prompt`) or types of events, separated by commas; absent = all.", max_length=100),
    ] = None,
    after: Annotated[
        str, Query(description="The id after which to go on; `Last-Event-ID` comes first.", max_length=8192)
    ] = "",
    last_event_id: Annotated[str, Header(description="As browsers send it when they connect again.")] = "",
) -> Response:
    """The organisation's events as they happen, as server-sent events.

    Every event has an id; who connects again with it is told what happened meanwhile, without loss or repetition, by
    whichever replica. An event `gap` says that this could not be done, an event `end` why the stream ends.
    """
    caller = principal()
    org_id = caller.tenant
    wanted, cursor = Wanted.named(_named(topics or [])), _cursor(last_event_id or after)
    log.info("live stream begins", org_id=str(org_id), request_path=request.url.path)
    return _EventSource(gateway, caller, wanted, cursor)


def _named(values: Sequence[str]) -> list[str]:
    return [name for value in values for name in (part.strip() for part in value.split(",")) if name]


def _cursor(text: str) -> Cursor | None:
    return Cursor.decode(text) if text else None


async def _serve(websocket: WebSocket, topics: list[str]) -> None:
    """Authenticate, then tell until something ends it."""
    gateway = gateway_of(websocket)
    try:
        caller, introduced = await _authenticated(websocket, gateway)
        if isinstance(said := introduced.get("topics"), list):
            topics = [str(topic) for topic in said]
        after = str(introduced.get("after") or websocket.query_params.get("after", ""))
        await _SocketListener(websocket, gateway, caller).serve(topics, after)
    except Farewell as farewell:
        await _close(websocket, farewell)
    except WebSocketDisconnect:
        log.debug("live listener left")


class _SocketListener:
    """A listener on a WebSocket."""

    def __init__(self, websocket: WebSocket, gateway: Gateway, caller: Principal) -> None:
        self._websocket = websocket
        self._gateway = gateway
        self._caller = caller
        self._claims = gateway.limits.of_caller(caller, address_of(websocket))

    async def serve(self, topics: list[str], after: str) -> None:
        """Tell until something ends it. Raises Farewell or WebSocketDisconnect."""
        if self._caller.org_id is None:
            raise Farewell(NO_ORGANISATION, "the token names no organisation")
        accepted = self._websocket.application_state is not WebSocketState.CONNECTING
        try:
            wanted, cursor = Wanted.named(topics), _cursor(after)
        except InvalidArgument as error:
            if not accepted:
                await self._websocket.accept()
            raise Farewell(MALFORMED, str(error)) from error
        if accepted:
            await self._websocket.send_text('{"type":"authenticated"}')
        else:
            await self._websocket.accept()
        listener = Listener(self._gateway, self._caller, self._tell)
        try:
            await listener.listen(wanted, cursor, greet=self._greet, hear=self._hear)
        except AssayError as error:
            raise Farewell(NOT_AUTHENTICATED, str(error)) from error

    async def _greet(self, subscription: Subscription) -> None:
        words = {"type": "subscribed", "topics": subscription.wanted.names(), "id": subscription.begins_at.text}
        await self._websocket.send_text(_text(words))

    async def _hear(self, subscription: Subscription) -> None:
        while True:
            heard = await self._websocket.receive()
            if heard["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(heard.get("code", 1005))
            decision = await self._gateway.limit_rate(self._claims)
            if not decision.allowed:
                raise Farewell(TRY_AGAIN_LATER, f"too many messages; try again in {decision.retry_after} s")
            subscription.reply(_text(_answer(subscription, heard.get("text") or "")))

    async def _tell(self, message: Message) -> None:
        match message:
            case Told():
                text = _socket_text(message)
            case Gap(cursor):
                text = _text({"type": "gap", "id": cursor.text, "detail": GAP_WORDS})
            case Pause(cursor):
                text = _ping(cursor)
            case Reply(text):
                pass
        await self._websocket.send_text(text)


def _answer(subscription: Subscription, said: str) -> dict[str, Any]:
    """Do what a listener asks for, and say what became of it."""
    try:
        match json.loads(said):
            case {"type": "subscribe", "topics": [*topics]} if topics:
                subscription.wanted = subscription.wanted.plus(Wanted.named(map(str, topics)))
            case {"type": "unsubscribe", "topics": [*topics]} if topics:
                subscription.wanted = subscription.wanted.minus(Wanted.named(map(str, topics)))
            case {"type": "ping"}:
                return {"type": "pong"}
            case _:
                return {"type": "error", "reason": "UNKNOWN_MESSAGE", "detail": "say subscribe, unsubscribe or ping"}
    except InvalidArgument as error:
        return {"type": "error", "reason": error.reason, "detail": str(error)}
    except (ValueError, RecursionError):
        return {"type": "error", "reason": "MALFORMED_JSON", "detail": "a message is a JSON object"}
    return {"type": "subscribed", "topics": subscription.wanted.names()}


@lru_cache(TEXTS)
def _socket_text(told: Told) -> str:
    return f'{{"type":"event","id":"{told.cursor.text}","event":{told.event.body}}}'


@lru_cache(TEXTS)
def _stream_bytes(told: Told) -> bytes:
    return f"id: {told.cursor.text}\ndata: {told.event.body}\n\n".encode()


@lru_cache(TEXTS)
def _ping(cursor: Cursor) -> str:
    return f'{{"type":"ping","id":"{cursor.text}"}}'


def _text(words: dict[str, Any]) -> str:
    return to_bytes(words).decode()


async def _authenticated(websocket: WebSocket, gateway: Gateway) -> tuple[Principal, dict[str, Any]]:
    """Who listens, and their first message: before the connection is made where the request says who it is."""
    token, introduced = _token_of(websocket), dict[str, Any]()
    if token is None:
        await websocket.accept()
        token, introduced = await _first_message(websocket, gateway.live.authenticate_seconds)
    try:
        caller = await authenticated(websocket, gateway, token)
    except (AssayError, RemoteError, RequestProblem) as error:
        raise Farewell(NOT_AUTHENTICATED, str(error)) from error
    decision = await gateway.limit_rate(gateway.limits.of_caller(caller, address_of(websocket)))
    if not decision.allowed:
        raise Farewell(TRY_AGAIN_LATER, f"too many requests; try again in {decision.retry_after} s")
    return caller, introduced


def _token_of(websocket: WebSocket) -> str | None:
    with suppress(TokenMissing):
        return bearer_of(websocket.headers)
    return websocket.query_params.get("token") or None


async def _first_message(websocket: WebSocket, seconds: float) -> tuple[str, dict[str, Any]]:
    try:
        async with asyncio.timeout(seconds):
            message = json.loads(await websocket.receive_text())
    except TimeoutError as error:
        raise Farewell(NOT_AUTHENTICATED, "no token in time") from error
    except (ValueError, KeyError, RecursionError) as error:
        raise Farewell(NOT_AUTHENTICATED, "the first message must be JSON") from error
    match message:
        case {"type": "authenticate", "token": str(token)}:
            return token, message
        case _:
            raise Farewell(NOT_AUTHENTICATED, "the first message must be of type authenticate")


async def _close(websocket: WebSocket, farewell: Farewell) -> None:
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await websocket.close(farewell.code, farewell.reason[:120])


class _EventSource(Response):
    """Server-sent events (WHATWG HTML, section 9.2): an answer that goes on until one of both sides ends it."""

    media_type = EVENT_STREAM

    def __init__(self, gateway: Gateway, caller: Principal, wanted: Wanted, after: Cursor | None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._gateway = gateway
        self._caller = caller
        self._wanted = wanted
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until something ends it."""

        begun = False

        async def part(data: bytes, *, more: bool = True) -> None:
            nonlocal begun
            if not begun:
                begun = True
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": data, "more_body": more})

        async def greet(subscription: Subscription) -> None:
            # Without data there is no event; the browser remembers the id all the same.
            await part(f"retry: {RECONNECT_MS}\nid: {subscription.begins_at.text}\n\n".encode())

        async def hear(_subscription: Subscription) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async def tell(message: Message) -> None:
            match message:
                case Told():
                    await part(_stream_bytes(message))
                case Gap(cursor):
                    await part(_control("gap", {"detail": GAP_WORDS}, cursor))
                case Pause(cursor):
                    await part(f": ping\nid: {cursor.text}\n\n".encode())
                case Reply():
                    pass  # Nobody speaks on this way.

        listener = Listener(self._gateway, self._caller, tell)
        try:
            await listener.listen(self._wanted, self._after, greet=greet, hear=hear)
        except Farewell as farewell:
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await part(_control("end", {"code": farewell.code, "reason": farewell.reason}), more=False)


def _control(kind: str, words: dict[str, Any], cursor: Cursor | None = None) -> bytes:
    named = f"id: {cursor.text}\n" if cursor is not None else ""
    return f"{named}event: {kind}\ndata: {_text(words)}\n\n".encode()
