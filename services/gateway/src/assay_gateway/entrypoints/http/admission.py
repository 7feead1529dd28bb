"""Who may come in: every route asks for a token and for a place in the caller's rate before anything is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from assay_common.identity import Principal, acting_as
from assay_common.rpc.authorisation import TokenMissing
from assay_common.rpc.deadline import set_deadline
from assay_gateway.domain.rate import Decision
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.etags import tagged
from assay_gateway.entrypoints.http.gateway import Gateway, gateway_of
from assay_gateway.entrypoints.http.problems import Problem

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

MAX_JSON_BYTES: Final = 1024 * 1024
"""Largest JSON body; routes that take files have their own limits."""

_BEARER: Final = "bearer "
_JSON: Final = re.compile(r"application/(.+\+)?json")


class JsonRoute(APIRoute):
    """A route for callers with a token; its body, if it has one, is JSON.

    The order is: who (401), how often (429), what kind of body (415), how much of it (413), and only then what it says.
    """

    def get_route_handler(self) -> Handler:
        """Put admission before FastAPI's own handler."""
        handle = tagging(self, super().get_route_handler())
        wants_json = self.body_field is not None

        async def admit_and_handle(request: Request) -> Response:
            gateway = gateway_of(request)
            caller = await admit(request, gateway)
            if wants_json:
                ensure_json(request)
            set_deadline(gateway.http.deadline_seconds)
            with acting_as(caller):
                return await handle(limited(request, MAX_JSON_BYTES))

        return admit_and_handle


def tagging(route: APIRoute, handle: Handler) -> Handler:
    """Let the answers of a route whose resource has an `etag` carry it as header."""
    if "etag" not in getattr(route.response_model, "model_fields", ()):
        return handle

    async def handle_and_tag(request: Request) -> Response:
        return tagged(request, await handle(request))

    return handle_and_tag


class PublicRoute(APIRoute):
    """A route without a token: the rate is kept per network address, so that passwords cannot be tried quickly."""

    def get_route_handler(self) -> Handler:
        """Put admission before FastAPI's own handler."""
        handle = super().get_route_handler()
        wants_json = self.body_field is not None

        async def admit_and_handle(request: Request) -> Response:
            gateway = gateway_of(request)
            address = request.client.host if request.client is not None else "unknown"
            pass_or_refuse(request, await gateway.limit_rate(f"address:{address}", gateway.sign_in_rate))
            if wants_json:
                ensure_json(request)
            set_deadline(gateway.http.deadline_seconds)
            return await handle(limited(request, MAX_JSON_BYTES))

        return admit_and_handle


def upload_route(max_bytes: int) -> type[APIRoute]:
    """Routes for callers with a token whose body is a file of at most `max_bytes`; they may take longer."""

    class UploadRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def admit_and_handle(request: Request) -> Response:
                gateway = gateway_of(request)
                caller = await admit(request, gateway)
                set_deadline(gateway.http.upload_deadline_seconds)
                with acting_as(caller):
                    return await handle(limited(request, max_bytes))

            return admit_and_handle

    return UploadRoute


async def admit(request: Request, gateway: Gateway) -> Principal:
    """The caller; raises Unauthenticated, RequestProblem (429), or what auth answered."""
    caller = await gateway.authenticate(bearer_of(request.headers))
    pass_or_refuse(request, await gateway.limit_rate(rate_subject(caller), gateway.caller_rate))
    return caller


def rate_subject(caller: Principal) -> str:
    """Whose bucket a request of this caller is taken from."""
    return f"{caller.kind}:{caller.subject.hex}"


def bearer_of(headers: Mapping[str, str]) -> str:
    """The bearer token or API key of a request; raises TokenMissing."""
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() != _BEARER or not authorization[len(_BEARER) :].strip():
        raise TokenMissing("a bearer token or an API key is needed")
    return authorization[len(_BEARER) :].strip()


def pass_or_refuse(request: Request, decision: Decision) -> None:
    """Remember what the response shall say of the budget; raises RequestProblem (429) when it is used up."""
    request.state.rate = decision
    if not decision.allowed:
        raise RequestProblem(too_many_requests(decision))


def too_many_requests(decision: Decision) -> Problem:
    """The problem of a caller whose budget is used up."""
    return Problem(
        status=429,
        reason="RATE_LIMITED",
        detail=f"more requests than allowed; try again in {decision.retry_after} s",
        headers={"retry-after": str(decision.retry_after)},
    )


def rate_headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    """What a response says of the caller's budget (draft-ietf-httpapi-ratelimit-headers-07)."""
    return [
        (b"ratelimit-limit", b"%d" % decision.limit),
        (b"ratelimit-remaining", b"%d" % decision.remaining),
        (b"ratelimit-reset", b"%d" % decision.reset_after),
    ]


def ensure_json(request: Request) -> None:
    """Raise 415 for a body that is not declared as JSON; an absent body is left to validation."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return
    media_type = media_type_of(request)
    if not _JSON.fullmatch(media_type):
        raise HTTPException(415, "the body must be application/json")


def limited(request: Request, max_bytes: int) -> Request:
    """The request, whose body raises 413 once it is longer than `max_bytes`; at once when it is announced as longer."""
    if int(request.headers.get("content-length", "0")) > max_bytes:
        raise HTTPException(413)
    left = max_bytes

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return Request(request.scope, receive)


def media_type_of(request: Request) -> str:
    """The media type of the body without its parameters, in lower case; empty when none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
