"""The asynchronous driver of exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import httpx

from assay_client.call import Call
from assay_client.credentials import Session, SessionStore
from assay_client.exchange import Identity, Renew, Send, Step, Wait, exchange, renewal

R = TypeVar("R")


class AsyncTransport:
    """Sends calls; may be used by many tasks of one event loop at once."""

    def __init__(
        self, http: httpx.AsyncClient, identity: Identity, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._http = http
        self._identity = identity
        self._sleep = sleep
        self._renewing = asyncio.Lock()
        self.trace_id: str | None = None
        """The trace of the newest answer."""

    @property
    def identity(self) -> Identity:
        """Whose calls they are."""
        return self._identity

    @property
    def http(self) -> httpx.AsyncClient:
        """The connections, for what is no exchange (live events)."""
        return self._http

    async def send(self, call: Call) -> httpx.Response:
        """A successful answer; raises Problem, NotSignedIn, Unreachable."""
        return await self._driven(exchange(call, self._identity))

    async def renew(self, store: SessionStore, used: Session | None = None, organisation: str | None = None) -> Session:
        """New tokens; for another organisation from now on, if one is named (id or slug)."""
        async with self._renewing:
            with store.alone():
                return await self._driven(renewal(store, used, organisation))

    async def _driven(self, steps: Generator[Step, Any, R]) -> R:
        try:
            step = next(steps)
            while True:
                try:
                    outcome = await self._carried_out(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            result: R = end.value
            return result

    async def _carried_out(self, step: Step) -> Any:
        match step:
            case Send(method, url, headers, options):
                answer = await self._http.request(method, url, headers=headers, **options)
                self.trace_id = answer.headers.get("x-trace-id", self.trace_id)
                return answer
            case Wait(seconds):
                await self._sleep(seconds)
                return None
            case Renew(used):
                assert self._identity.store is not None  # noqa: S101 - only a session is renewed
                return await self.renew(self._identity.store, used)
