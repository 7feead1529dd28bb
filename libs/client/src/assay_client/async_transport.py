"""The asynchronous driver of exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
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
        """The connections."""
        return self._http

    async def send(self, call: Call) -> httpx.Response:
        """A successful answer; raises Problem, NotSignedIn, Unreachable."""
        return await self.run(exchange(call, self._identity))

    async def wait(self, seconds: float) -> None:
        """Wait so many seconds."""
        await self._sleep(seconds)

    async def renew(self, store: SessionStore, used: Session | None = None, organisation: str | None = None) -> Session:
        """New tokens; for another organisation from now on, if one is named (id or slug)."""
        async with self._renewing:
            with store.alone():
                return await self.run(renewal(store, used, organisation))

    async def run(self, steps: Generator[Step, Any, R]) -> R:
        """Carry out what `steps` ask for; returns what they return."""
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
            case Send(method, url, headers, options, stream):
                request = self._http.build_request(method, url, headers=headers, **_in_async_pieces(options))
                answer = await self._http.send(request, stream=stream)
                if stream and not answer.is_success:
                    await answer.aread()
                self.trace_id = answer.headers.get("x-trace-id", self.trace_id)
                return answer
            case Wait(seconds):
                await self._sleep(seconds)
                return None
            case Renew(used):
                assert self._identity.store is not None  # noqa: S101 - only a session is renewed
                return await self.renew(self._identity.store, used)


def _in_async_pieces(options: dict[str, Any]) -> dict[str, Any]:
    """The options, with a body in pieces as an asynchronous client takes it."""
    content = options.get("content")
    if isinstance(content, bytes) or not isinstance(content, Iterable):
        return options

    async def pieces() -> AsyncIterator[bytes]:
        for piece in content:
            yield piece

    return {**options, "content": pieces()}
