"""Exports: what a service streams is handed on a piece at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse


async def streamed(chunks: AsyncIterator[bytes], media_type: str, filename: str) -> StreamingResponse:
    """The chunks as a file to be saved.

    The first one is waited for here, so that a refusal becomes a problem and not a broken answer. Raises what the
    service answers to the call.
    """
    first = await anext(chunks, b"")
    headers = {"content-disposition": f'attachment; filename="{filename}"'}
    return StreamingResponse(_from_first(first, chunks), media_type=media_type, headers=headers)


async def _from_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
