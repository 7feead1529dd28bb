"""Prompts from a cache, for programs on asyncio: each is asked for once at a time."""

from __future__ import annotations

import asyncio

from assay_client.async_transport import AsyncTransport
from assay_client.errors import AssayError
from assay_client.prompt import Prompt
from assay_client.shelf import Ask, Selector, Shelf


class AsyncCachedPrompts:
    """Serves a program's reads of prompts."""

    def __init__(self, transport: AsyncTransport, shelf: Shelf) -> None:
        self._transport = transport
        self._shelf = shelf
        self._flights: dict[Selector, asyncio.Task[Prompt]] = {}

    async def get(self, prompt: str, label: str | None, version: int | None) -> Prompt:
        """The version; raises Problem, and where nothing is known of it Unreachable or NotSignedIn."""
        selector = Selector(self._transport.identity.scope(), prompt, label, version)
        found = self._shelf.look(selector)
        if found.prompt is not None and found.ask is Ask.NO:
            return found.prompt
        flight = self._flights.get(selector)
        if flight is None:
            flight = self._flights[selector] = asyncio.create_task(self._ask(selector))
            flight.add_done_callback(lambda done: self._landed(selector, done))
        if found.prompt is not None and found.ask is Ask.BEHIND:
            return found.prompt
        return await asyncio.shield(flight)

    async def aclose(self) -> None:
        """Give up what is on its way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, selector: Selector, done: asyncio.Task[Prompt]) -> None:
        del self._flights[selector]
        if not done.cancelled():
            done.exception()  # Nobody may be waiting for it; then it is no news either.

    async def _ask(self, selector: Selector) -> Prompt:
        try:
            answer = await self._transport.send(self._shelf.call(selector))
        except AssayError as error:
            return self._shelf.failed(selector, error)
        return self._shelf.answered(selector, answer)
