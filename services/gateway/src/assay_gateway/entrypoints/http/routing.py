"""Routers whose routes are documented alike: the token they need, and the problems they answer with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from assay_gateway.entrypoints.http.problems import MEDIA_TYPE
from assay_gateway.entrypoints.http.route_classes import JsonRoute, PublicRoute

PROBLEM_REF: Final = "#/components/schemas/ProblemDocument"

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An access token of `POST /v1/sessions`, or an API key (it starts with `assay_`).",
)

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """The documentation of problem answers."""
    content = {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_REF}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def api_router(prefix: str, tag: str, route_class: type[APIRoute] = JsonRoute) -> APIRouter:
    """Routes for callers with a token."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=route_class,
        dependencies=[Security(_bearer)],
        responses=problems(401, 403, 404, 422, 429, 503, 504),
    )


def public_router(prefix: str, tag: str, route_class: type[APIRoute] = PublicRoute) -> APIRouter:
    """Routes that need no token."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=route_class,
        responses=problems(422, 429, 503, 504),
    )


def operation_id(route: APIRoute) -> str:
    """The name that client generators give to an operation: that of the function."""
    return route.name
