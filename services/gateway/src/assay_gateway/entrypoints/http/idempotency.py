"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), which every POST takes."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from assay_common.errors import InvalidArgument, Violation
from assay_common.idempotency import calling_once
from assay_common.identity import Principal
from assay_gateway.domain.answers import Answer
from assay_gateway.domain.limits import network_of
from assay_gateway.entrypoints.http.admission import address_of
from assay_gateway.entrypoints.http.bodies import Body
from assay_gateway.entrypoints.http.error_handlers import response_to
from assay_gateway.entrypoints.http.gateway import Gateway

HEADER: Final = "idempotency-key"
REPLAYED: Final = "idempotency-replayed"
MAX_CHARS: Final = 255

_KEPT_HEADERS: Final = frozenset(
    {"cache-control", "content-language", "content-type", "etag", "location", "retry-after", "www-authenticate"}
)


class IdempotencyKeyInvalid(InvalidArgument):
    """The header Idempotency-Key holds something that is no key."""


async def answer_once(
    gateway: Gateway,
    body: Body,
    caller: Principal | None,
    work: Callable[[Request], Awaitable[Response]],
    *,
    read_first: bool,
) -> Response:
    """The answer to a POST: with a key, that of the first request of this caller with the key to this path.

    Raises what RunOnce raises, IdempotencyKeyInvalid, HTTPException (408, 413), and without a key what `work` raises.
    """
    request = body.request
    key = key_of(request)
    if key is None:
        return await work(request)
    if read_first:
        await request.body()

    async def answer() -> Answer:
        with calling_once(name):
            try:
                response = await work(request)
            except Exception as error:
                response = await response_to(request, error)
        return _kept(response)

    name = _name(request, caller, key)
    answered, replayed = await gateway.run_once(name, key, body, answer, gateway.http.deadline_seconds)
    headers = {**answered.headers, REPLAYED: "true"} if replayed else answered.headers
    return Response(answered.body, answered.status, headers)


def key_of(request: Request) -> str | None:
    """The key of a request; None when it has none. Raises IdempotencyKeyInvalid."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 0 < len(key) <= MAX_CHARS or not all(" " <= character <= "~" for character in key):
        problem = f"must be one text of 1 to {MAX_CHARS} printable ASCII characters"
        raise IdempotencyKeyInvalid(f"Idempotency-Key {problem}", Violation(f"/{HEADER}", problem))
    return key


def _name(request: Request, caller: Principal | None, key: str) -> str:
    """What stands for caller, route and key together, and tells none of them."""
    who = network_of(address_of(request)) if caller is None else f"{caller.org_id}/{caller.subject}"
    return hashlib.sha256("\0".join((who, request.method, request.url.path, key)).encode()).hexdigest()


def _kept(response: Response) -> Answer:
    headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
    return Answer(response.status_code, headers, bytes(response.body))
