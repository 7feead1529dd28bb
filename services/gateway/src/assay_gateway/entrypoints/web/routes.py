"""Routes for browsers: what goes wrong is told on a page."""

from __future__ import annotations

import json
from typing import ClassVar, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from assay_gateway.entrypoints.http.error_handlers import response_to
from assay_gateway.entrypoints.http.forms import MAX_FORM_BYTES
from assay_gateway.entrypoints.http.gateway import gateway_of
from assay_gateway.entrypoints.http.route_classes import Handler, PublicRoute
from assay_gateway.entrypoints.web.same_origin import ensure_same_origin
from assay_gateway.entrypoints.web.templates import shown

_TITLES: Final = {
    403: "This is not allowed",
    404: "There is nothing here",
    429: "Too many attempts",
    500: "Something broke",
    503: "Please try again in a moment",
    504: "Please try again in a moment",
}
_KEPT: Final = frozenset({"retry-after"})


class BrowserRoute(PublicRoute):
    """A public route that answers a browser's failures with a page and a program's with a problem document."""

    def get_route_handler(self) -> Handler:
        """Show what was refused on the way."""
        handle = super().get_route_handler()

        async def show(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:
                response = await response_to(request, error)
            wants_page = self.always_page or "text/html" in request.headers.get("accept", "")
            return problem_page(response) if response.status_code >= 400 and wants_page else response

        return show

    always_page: ClassVar[bool] = False


class PageRoute(BrowserRoute):
    """A route of a page; its forms are taken from this site only."""

    always_page: ClassVar[bool] = True
    max_bytes: ClassVar[int] = MAX_FORM_BYTES

    def get_route_handler(self) -> Handler:
        """Look where a form comes from before anything is done with it."""
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle

        async def ensure_and_handle(request: Request) -> Response:
            try:
                ensure_same_origin(request, gateway_of(request).public_url)
            except Exception as error:
                return problem_page(await response_to(request, error))
            return await handle(request)

        return ensure_and_handle


def page_router(path: str) -> APIRouter:
    """Routes of a page; they are no part of the API's documentation."""
    return APIRouter(prefix=path, route_class=PageRoute, include_in_schema=False)


def problem_page(response: Response) -> Response:
    """A page that says what a problem document says; a page stays as it is."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return response
    problem = json.loads(bytes(response.body))
    page = shown(
        "problem.html",
        response.status_code,
        title=_TITLES.get(response.status_code, "That did not work"),
        detail=sentence(problem["detail"]),
        request_id=problem["request_id"],
    )
    page.headers.update({name: value for name, value in response.headers.items() if name in _KEPT})
    return page


def sentence(text: str) -> str:
    """A message of a service, for people."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
