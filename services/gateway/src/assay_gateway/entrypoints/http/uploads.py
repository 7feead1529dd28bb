"""Files on their way from a request to a service, a piece at a time: nothing is held as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from assay_gateway.entrypoints.http.admission import media_type_of

if TYPE_CHECKING:
    from grpc.aio import StreamUnaryMultiCallable

CHUNK_BYTES: Final = 256 * 1024
"""Size of the pieces that are passed on; the contract allows 1 MiB."""
MAX_DATASET_BYTES: Final = 16 * 1024 * 1024
MAX_BUNDLE_BYTES: Final = 1024 * 1024 * 1024

M = TypeVar("M")
A = TypeVar("A")


def ensure_media_type(request: Request, *allowed: str) -> str:
    """The media type of the body; raises 415 when it is not one of those allowed."""
    media_type = media_type_of(request)
    if media_type not in allowed:
        raise HTTPException(415, f"the body must be {' or '.join(allowed)}")
    return media_type


async def upload(call: StreamUnaryMultiCallable[M, A], request: Request, header: M, part: Callable[[bytes], M]) -> A:
    """Send the header and then the body of the request in parts; the answer of the service.

    The service sets the pace: no more is read than it takes. When it refuses, reading stops.

    Raises AioRpcError, HTTPException (413) when the body is too large, ClientDisconnect when the client went away; in
    the last two cases the call is cancelled.
    """
    broken: list[Exception] = []

    async def messages() -> AsyncIterator[M]:
        yield header
        try:
            async for piece in _pieces(request):
                yield part(piece)
        except Exception as error:
            # What a request iterator raises, grpc turns into a cancelled call and forgets.
            broken.append(error)
            raise

    try:
        return await call(messages())
    except asyncio.CancelledError:
        if broken:
            raise broken[0] from None
        raise


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of CHUNK_BYTES, the last one shorter."""
    gathered = bytearray()
    async for received in request.stream():
        gathered += received
        while len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered[:CHUNK_BYTES])
            del gathered[:CHUNK_BYTES]
    if gathered:
        yield bytes(gathered)
