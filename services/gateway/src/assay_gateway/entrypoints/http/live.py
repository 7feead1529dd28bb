"""The live feed: the organisation's events over a WebSocket (RFC 6455), as they happen.

A listener says who it is with an Authorization header, with `?token=`, or with its first message. Then it only listens.
The connection ends with

- 4401 when it did not say who it is in time or not rightly,
- 4001 when its token has expired or was taken away,
- 4003 when the token names no organisation,
- 4008 when it did not read fast enough,
- 1013 when it connects too often,
- 1001 when this replica goes away.

A listener whose header or `?token=` does not hold is refused before the connection is made (403).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from assay_common.errors import AssayError
from assay_common.identity import Principal
from assay_common.rpc.authorisation import TokenMissing
from assay_common.rpc.errors import RemoteError
from assay_gateway.application.live_feed import SlowReader, Subscription
from assay_gateway.entrypoints.http.admission import address_of, authenticated, bearer_of
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.gateway import Gateway, gateway_of

log = structlog.get_logger()

router = APIRouter()

GOING_AWAY: Final = 1001
TRY_AGAIN_LATER: Final = 1013
TOKEN_EXPIRED: Final = 4001
NO_ORGANISATION: Final = 4003
TOO_SLOW: Final = 4008
NOT_AUTHENTICATED: Final = 4401

CLOSE_SECONDS: Final = 1.0
"""How long a listener that does not read may delay its own farewell."""
_PING: Final = '{"type":"ping"}'
_AUTHENTICATED: Final = '{"type":"authenticated"}'


class Farewell(Exception):
    """The connection is to be closed, for this reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.websocket("/ws/live")
async def live(websocket: WebSocket) -> None:
    """Authenticate, then send events until something ends it."""
    gateway = gateway_of(websocket)
    try:
        caller = await _authenticated(websocket, gateway)
        await _feed(websocket, gateway, caller)
    except Farewell as farewell:
        await _close(websocket, farewell)
    except WebSocketDisconnect:
        log.debug("live listener left")


async def _authenticated(websocket: WebSocket, gateway: Gateway) -> Principal:
    """Who listens. Before the connection is made where the request says, else from the first message."""
    token = _token_of(websocket)
    if token is None:
        await websocket.accept()
        token = await _token_of_first_message(websocket, gateway.live.authenticate_seconds)
    try:
        caller = await authenticated(websocket, gateway, token)
    except (AssayError, RemoteError, RequestProblem) as error:
        raise Farewell(NOT_AUTHENTICATED, str(error)) from error
    decision = await gateway.limit_rate(gateway.limits.of_caller(caller, address_of(websocket)))
    if not decision.allowed:
        raise Farewell(TRY_AGAIN_LATER, f"too many requests; try again in {decision.retry_after} s")
    return caller


def _token_of(websocket: WebSocket) -> str | None:
    with suppress(TokenMissing):
        return bearer_of(websocket.headers)
    return websocket.query_params.get("token") or None


async def _token_of_first_message(websocket: WebSocket, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            message = json.loads(await websocket.receive_text())
    except TimeoutError as error:
        raise Farewell(NOT_AUTHENTICATED, "no token in time") from error
    except (ValueError, KeyError, RecursionError) as error:
        raise Farewell(NOT_AUTHENTICATED, "the first message must be JSON") from error
    match message:
        case {"type": "authenticate", "token": str(token)}:
            return token
        case _:
            raise Farewell(NOT_AUTHENTICATED, "the first message must be of type authenticate")


async def _feed(websocket: WebSocket, gateway: Gateway, caller: Principal) -> None:
    if caller.org_id is None:
        raise Farewell(NO_ORGANISATION, "the token names no organisation")
    subscription = gateway.feed.subscribe(caller.org_id, caller.subject, caller.permissions)
    try:
        if websocket.application_state is WebSocketState.CONNECTING:
            await websocket.accept()
        else:
            await websocket.send_text(_AUTHENTICATED)
        await _first_to_end(
            _send_events(websocket, subscription, gateway.live.heartbeat_seconds),
            _wait_for_overflow(subscription),
            _wait_for_revocation(subscription),
            _listen_for_the_end(websocket),
            _wait_for_expiry(caller),
            _wait_for_stop(gateway.stopping),
        )
    finally:
        gateway.feed.unsubscribe(subscription)


async def _first_to_end(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all until one raises, and raise that; the others are cancelled."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send_events(websocket: WebSocket, subscription: Subscription, heartbeat_seconds: float) -> None:
    while True:
        try:
            async with asyncio.timeout(heartbeat_seconds):
                event = await subscription.next()
        except TimeoutError:
            await websocket.send_text(_PING)
        except SlowReader as error:
            raise _too_slow() from error
        else:
            await websocket.send_text(event.text)


async def _wait_for_overflow(subscription: Subscription) -> None:
    await subscription.overflowed.wait()
    raise _too_slow()


def _too_slow() -> Farewell:
    return Farewell(TOO_SLOW, "events came faster than they were read; some are lost")


async def _wait_for_revocation(subscription: Subscription) -> None:
    await subscription.revoked.wait()
    raise Farewell(TOKEN_EXPIRED, "the token holds no longer")


async def _listen_for_the_end(websocket: WebSocket) -> None:
    """Raise WebSocketDisconnect when the listener leaves; what it says meanwhile is of no interest."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", GOING_AWAY))


async def _wait_for_expiry(caller: Principal) -> None:
    await asyncio.sleep(max(0.0, caller.expires_at.timestamp() - time.time()))
    raise Farewell(TOKEN_EXPIRED, "the token has expired")


async def _wait_for_stop(stopping: asyncio.Event) -> None:
    await stopping.wait()
    raise Farewell(GOING_AWAY, "this server goes away; connect again")


async def _close(websocket: WebSocket, farewell: Farewell) -> None:
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await websocket.close(farewell.code, farewell.reason[:120])
