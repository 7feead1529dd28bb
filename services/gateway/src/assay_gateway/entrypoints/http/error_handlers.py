"""Every exception that a route can raise, as a problem document."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from assay_common.errors import AssayError
from assay_common.rpc.errors import RemoteError, error_from, status_of
from assay_gateway.entrypoints.http.problems import Problem, from_http, from_status, pointer_to

MAX_ERRORS: Final = 100
"""Most errors that one problem document lists."""


class RequestProblem(Exception):
    """Ends a request with a problem that the route itself has found."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def install(app: FastAPI) -> None:
    """Let `app` answer every failure with a problem document."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


async def response_to(request: Request, error: Exception) -> Response:
    """The problem document that stands for an exception of a route; an exception that none stands for is raised."""
    for kind, handler in _HANDLERS.items():
        if isinstance(error, kind):
            response: Response = await handler(request, error)
            return response
    raise error


def problem_of(error: Exception) -> Problem:
    """The problem that stands for an error of this program or of a service."""
    match error:
        case RequestProblem():
            return error.problem
        case grpc.aio.AioRpcError():
            return from_status(error_from(error))
        case RemoteError():
            return from_status(error)
        case _:
            return from_status(status_of(error))


async def _own(request: Request, error: RequestProblem) -> Response:
    return error.problem.response(request.url.path)


async def _assay_error(request: Request, error: AssayError) -> Response:
    return problem_of(error).response(request.url.path)


async def _remote_error(request: Request, error: RemoteError) -> Response:
    return problem_of(error).response(request.url.path)


async def _rpc_error(request: Request, error: grpc.aio.AioRpcError) -> Response:
    return problem_of(error).response(request.url.path)


async def _http(request: Request, error: HTTPException) -> Response:
    return from_http(error.status_code, _detail(error), dict(error.headers or {})).response(request.url.path)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    broken = next((each for each in found if each["type"] == "json_invalid"), None)
    if broken is not None:
        detail = f"the body is no JSON: {broken['ctx']['error']} at character {broken['loc'][-1]}"
        return Problem(400, "MALFORMED_JSON", detail).response(request.url.path)
    errors = tuple(
        {"pointer": pointer_to(tuple(each["loc"][1:])), "detail": _sentence(each)} for each in found[:MAX_ERRORS]
    )
    return Problem(422, "INVALID_REQUEST", "the request is not valid", errors).response(request.url.path)


def _detail(error: HTTPException) -> str | None:
    match error.status_code:
        case 404:
            return "there is no such route"
        case 413:
            return "the body is larger than this route takes"
        case _:
            return str(error.detail)


def _sentence(error: Any) -> str:
    text = str(error["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


_HANDLERS: Final[dict[type[Exception], Any]] = {
    RequestProblem: _own,
    AssayError: _assay_error,
    RemoteError: _remote_error,
    grpc.aio.AioRpcError: _rpc_error,
    RequestValidationError: _invalid,
    HTTPException: _http,
}
