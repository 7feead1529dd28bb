"""What every route does before and after its own work.

The order is: who (401), how often (429), what kind of body (415), how much of it (413), whether it was done before, and
only then what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from assay_common.identity import Principal, acting_as
from assay_common.rpc.deadline import set_deadline
from assay_gateway.entrypoints.http.admission import admit, admit_stranger
from assay_gateway.entrypoints.http.bodies import MAX_JSON_BYTES, Body, kind_check
from assay_gateway.entrypoints.http.deprecation import deprecation_headers
from assay_gateway.entrypoints.http.etags import tagged
from assay_gateway.entrypoints.http.gateway import Gateway, gateway_of
from assay_gateway.entrypoints.http.idempotency import answer_once
from assay_gateway.settings import HttpSettings

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

COST: Final = "x-cost"
"""Key in a route's `openapi_extra`: how many requests one of this kind counts as."""


class JsonRoute(APIRoute):
    """A route for callers with a token; its body, if it has one, is JSON or a form."""

    max_bytes: ClassVar[int] = MAX_JSON_BYTES

    def get_route_handler(self) -> Handler:
        """Put all that routes have in common around FastAPI's own handler."""
        work = _tagging(self, super().get_route_handler())
        deprecated = deprecation_headers(self)
        cost = cost_of(self)
        ensure_kind = self.kind_check()
        takes_keys = "POST" in (self.methods or ())

        async def handle(request: Request) -> Response:
            gateway = gateway_of(request)
            request.state.deprecation = deprecated
            caller = await self.admitted(request, gateway, cost)
            ensure_kind(request)
            seconds = self.seconds(gateway.http)
            set_deadline(seconds)
            body = Body(
                request, max_bytes=self.max_bytes, idle_seconds=gateway.http.body_idle_seconds, whole_seconds=seconds
            )
            with acting_as(caller):
                if takes_keys:
                    return await answer_once(gateway, body, caller, work, read_first=self.reads_first)
                return await work(body.request)

        return handle

    reads_first: ClassVar[bool] = True
    """Whether the body is read as a whole before anything is done with it."""

    async def admitted(self, request: Request, gateway: Gateway, cost: int) -> Principal | None:
        """The caller, for whom the request was counted."""
        return await admit(request, gateway, cost)

    def kind_check(self) -> Callable[[Request], None]:
        """What raises 415 for a body of another kind."""
        return kind_check(self)

    def seconds(self, settings: HttpSettings) -> float:
        """How long a request may take, its body included."""
        return settings.deadline_seconds


class PublicRoute(JsonRoute):
    """A route without a token: the rate is kept per network address, so that passwords cannot be tried quickly."""

    async def admitted(self, request: Request, gateway: Gateway, cost: int) -> None:
        """Nobody in particular."""
        await admit_stranger(request, gateway, cost)


def upload_route(max_bytes: int) -> type[APIRoute]:
    """Routes for callers with a token whose body is a file of at most `max_bytes`; they may take longer."""
    return type("UploadRoute", (_UploadRoute,), {"max_bytes": max_bytes})


class _UploadRoute(JsonRoute):
    reads_first = False

    def kind_check(self) -> Callable[[Request], None]:
        return lambda _request: None

    def seconds(self, settings: HttpSettings) -> float:
        return settings.upload_deadline_seconds


def cost_of(route: APIRoute) -> int:
    """How many requests one request of this route counts as; 1 unless its documentation says otherwise."""
    return int((route.openapi_extra or {}).get(COST, 1))


def has_etag(route: APIRoute) -> bool:
    """Whether the route answers one resource that has a tag."""
    return "etag" in getattr(route.response_model, "model_fields", ())


def _tagging(route: APIRoute, handle: Handler) -> Handler:
    """Let the answers of a route whose resource has an `etag` carry it as header."""
    if not has_etag(route):
        return handle

    async def handle_and_tag(request: Request) -> Response:
        return tagged(request, await handle(request))

    return handle_and_tag
