"""What every group of asynchronous operations is built on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from assay_client.async_transport import AsyncTransport
from assay_client.call import Call
from assay_client.resource import page_of


class AsyncResource:
    """A group of operations."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _json(self, call: Call) -> Any:
        return (await self._transport.send(call)).json()

    async def _bytes(self, call: Call) -> bytes:
        return (await self._transport.send(call)).content

    async def _pieces(self, call: Call) -> AsyncIterator[bytes]:
        async with aclosing(await self._transport.send(replace(call, stream=True))) as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    async def _nothing(self, call: Call) -> None:
        await self._transport.send(call)

    async def _items(self, call: Call, limit: int | None) -> AsyncIterator[Any]:
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            page = await self._json(page_of(call, left, cursor))
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]
            left = left and left - len(page["items"])
            if cursor is None:
                return
