"""One connection of the live feed, whichever way it speaks: it hears the client, and tells what waits for it.

An idle connection is one task, which waits for the client, and two timers. Another task lives only while there is
something to tell.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from starlette.websockets import WebSocketDisconnect

from assay_common.identity import Principal
from assay_common.rpc.jwks import LEEWAY
from assay_gateway.application.live_feed import Ending, Message, Subscription
from assay_gateway.domain.cursor import Cursor
from assay_gateway.domain.feed import Wanted
from assay_gateway.entrypoints.http.gateway import Gateway

log = structlog.get_logger()

GOING_AWAY: Final = 1001
TRY_AGAIN_LATER: Final = 1013
TOKEN_EXPIRED: Final = 4001
NO_ORGANISATION: Final = 4003
TOO_SLOW: Final = 4008
MALFORMED: Final = 4400
NOT_AUTHENTICATED: Final = 4401

TURN: Final = 64
"""Messages told at a stretch, before others get their turn."""


class Farewell(Exception):
    """The connection is to be closed, for this reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


_FAREWELLS: Final = {
    Ending.TOO_SLOW: (TOO_SLOW, "events came faster than they were read; connect again after the last id you have"),
    Ending.REVOKED: (TOKEN_EXPIRED, "the token holds no longer"),
    Ending.GOING_AWAY: (GOING_AWAY, "this server goes away; connect again"),
}


class Listener:
    """Somebody on a connection; `tell` sends one message to them."""

    def __init__(self, gateway: Gateway, caller: Principal, tell: Callable[[Message], Awaitable[None]]) -> None:
        self._gateway = gateway
        self._caller = caller
        self._tell = tell
        self._limit: asyncio.Timeout | None = None
        self._telling: asyncio.Task[None] | None = None
        self._greeted = False
        self._subscription: Subscription

    async def listen(
        self,
        wanted: Wanted,
        after: Cursor | None,
        *,
        greet: Callable[[Subscription], Awaitable[None]],
        hear: Callable[[Subscription], Awaitable[None]],
    ) -> None:
        """Greet with where the listener begins, then tell and hear, until `hear` returns or raises.

        Raises Farewell when the listener may or can hear no more, Unauthenticated when they may not even begin.
        """
        self._gateway.authenticate.ensure_holds(self._caller)
        self._subscription = self._gateway.feed.subscribe(
            self._caller, wanted, after, news=self._wake, ended=lambda _ending: self._end()
        )
        self._heart = asyncio.get_running_loop().call_later(self._gateway.live.heartbeat_seconds, self._beat)
        try:
            async with asyncio.timeout(seconds_left(self._caller)) as self._limit:
                if self._subscription.ending is not None:
                    raise self._farewell()
                await greet(self._subscription)
                self._greeted = True
                self._wake()
                await hear(self._subscription)
        except TimeoutError:
            raise self._farewell() from None
        finally:
            self._heart.cancel()
            if self._telling is not None:
                self._telling.cancel()
            self._gateway.feed.unsubscribe(self._subscription)

    def _farewell(self) -> Farewell:
        ending = self._subscription.ending
        return Farewell(TOKEN_EXPIRED, "the token has expired") if ending is None else Farewell(*_FAREWELLS[ending])

    def _end(self) -> None:
        """Wake the task that waits for the client."""
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())

    def _wake(self) -> None:
        if self._greeted and self._telling is None:
            self._telling = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        told = 0
        try:
            while (message := self._subscription.take()) is not None:
                await self._tell(message)
                told += 1
                if told % TURN == 0:
                    await asyncio.sleep(0)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            log.debug("live listener left", error=repr(error))  # Whoever hears the client learns of it too.
        finally:
            self._telling = None

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        self._heart = loop.call_later(self._gateway.live.heartbeat_seconds, self._beat)
        self._subscription.pause(time.monotonic())


def seconds_left(caller: Principal) -> float:
    """Until the caller's token expires; one that is accepted after that, for clocks differ, has until then."""
    left = caller.expires_at.timestamp() - time.time()
    return left if left > 0 else max(0.0, left + LEEWAY)
