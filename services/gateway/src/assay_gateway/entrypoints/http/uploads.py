"""Files on their way from a request to a service, a piece at a time: nothing is held as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from grpc import StatusCode
from grpc.aio import AioRpcError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from assay_gateway.entrypoints.http.bodies import media_type_of
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.problems import Problem

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


async def upload(
    call: StreamUnaryMultiCallable[M, A],
    request: Request,
    header: M,
    part: Callable[[bytes], M],
    end: M | None = None,
) -> A:
    """Send the header, the body of the request in parts, and at last `end` if there is one; the service's answer.

    The service sets the pace: no more is read than it takes. When it refuses, reading stops.

    Raises AioRpcError, HTTPException (413) when the body is too large, ClientDisconnect when the client went away.
    """
    broken: list[Exception] = []

    async def messages() -> AsyncIterator[M]:
        yield header
        try:
            async for piece in _pieces(request):
                yield part(piece)
            if end is not None:
                yield end
        except Exception as error:
            broken.append(error)
            # A cancelled call looks to a service like one that has ended, for a moment that is long enough to take a
            # file cut short for a short file. A second header is against the contract, so that it must refuse.
            yield header

    try:
        answer = await call(messages())
    except AioRpcError as error:
        if broken:
            raise broken[0] from None
        if _lost_its_reason(error):
            raise await _reason_asked_again(call, header) from error
        raise
    if broken:
        raise broken[0]
    return answer


def _lost_its_reason(error: AioRpcError) -> bool:
    """Whether the service refused while a part was on its way: grpc then tells of the part and not of the refusal."""
    return error.code() is StatusCode.INTERNAL and error.details() == "Internal error from Core"


async def _reason_asked_again(call: StreamUnaryMultiCallable[M, A], header: M) -> Exception:
    """What the service says to the header alone, followed by a message that it must refuse."""

    async def messages() -> AsyncIterator[M]:
        yield header
        yield header

    try:
        await call(messages())
    except AioRpcError as error:
        if error.code() is not StatusCode.INVALID_ARGUMENT:
            return error
    return RequestProblem(Problem(422, "UPLOAD_REFUSED", "the file was refused before all of it was read"))


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
