"""So many requests at once, so many in the queue, and not one more: overload makes answers quick, not late."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay_gateway.application.metrics import REQUESTS_QUEUED, REQUESTS_RUNNING, REQUESTS_TURNED_AWAY
from assay_gateway.entrypoints.http.problems import Problem
from assay_gateway.settings import HttpSettings

RETRY_AFTER: Final = 2
"""Seconds after which who was turned away may come back."""


class Crowd:
    """Lets requests in one by one once `max_concurrent` are inside; first come, first served.

    A stream of events is let out of the count when its answer begins: it lasts, and costs nothing while it is silent.
    """

    def __init__(self, app: ASGIApp, settings: HttpSettings) -> None:
        self._app = app
        self._settings = settings
        self._inside = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request when it is its turn."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not await self._enter():
            REQUESTS_TURNED_AWAY.inc()
            await _TOO_MANY.response(scope["path"])(scope, receive, send)
            return
        turn = _Turn(self, send)
        try:
            await self._app(scope, receive, turn.send)
        finally:
            turn.end()

    async def _enter(self) -> bool:
        """Wait for a turn; False when the queue is full or too slow."""
        if self._inside < self._settings.max_concurrent:
            self._inside += 1
            REQUESTS_RUNNING.set(self._inside)
            return True
        if len(self._queue) >= self._settings.max_queued:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        REQUESTS_QUEUED.set(len(self._queue))
        await asyncio.wait([turn], timeout=self._settings.queue_seconds)
        if turn.done():
            return True
        self._queue.remove(turn)
        REQUESTS_QUEUED.set(len(self._queue))
        return False

    def leave(self) -> None:
        """Give one's place to who has waited longest."""
        if self._queue:
            self._queue.popleft().set_result(None)
            REQUESTS_QUEUED.set(len(self._queue))
        else:
            self._inside -= 1
            REQUESTS_RUNNING.set(self._inside)


class _Turn:
    """One request's place, which it leaves once."""

    def __init__(self, crowd: Crowd, send: Send) -> None:
        self._crowd = crowd
        self._send = send
        self._is_over = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_event_stream(message):
            self.end()
        await self._send(message)

    def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._crowd.leave()


def _is_event_stream(message: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream") for name, value in message.get("headers", ())
    )


_TOO_MANY: Final = Problem(
    status=503,
    reason="OVERLOADED",
    detail="too many requests are waiting already; try again in a moment",
    headers={"retry-after": str(RETRY_AFTER)},
)
