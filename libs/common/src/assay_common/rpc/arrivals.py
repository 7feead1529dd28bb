"""Whether calls still come to a server, so that one that stops can wait until its callers have left."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import grpc
import grpc.aio

from assay_common.rpc.authorisation import is_infrastructure
from assay_common.rpc.interceptor import Handler

QUIET_SECONDS: Final = 0.25
"""So long after the last call nobody is taken to be on the way any more."""


class Arrivals(grpc.aio.ServerInterceptor):
    """Notes every call that is begun, health checks and reflection aside."""

    def __init__(self) -> None:
        self._came = asyncio.Event()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Note that a call came; the call itself is not touched."""
        if not is_infrastructure(handler_call_details.method):
            self._came.set()
        return await continuation(handler_call_details)

    async def have_ended(self) -> None:
        """Return once no call has come for `QUIET_SECONDS`, counted from now; at once when none ever came."""
        while self._came.is_set():
            self._came.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), QUIET_SECONDS)
