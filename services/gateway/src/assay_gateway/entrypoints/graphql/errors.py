"""Failures as GraphQL tells them: what REST says in a problem document stands in the error's `extensions`."""

from __future__ import annotations

from typing import Any

import structlog
from graphql import GraphQLError
from grpc.aio import AioRpcError

from assay_common.errors import AssayError
from assay_common.rpc.errors import RemoteError
from assay_gateway.entrypoints.http.error_handlers import problem_of

log = structlog.get_logger()


def explain(error: GraphQLError) -> None:
    """Let an error tell a code and what belongs to it; a mistake of ours is logged, and nothing is told of it."""
    cause = error.original_error
    match cause:
        case None:
            error.extensions = {"code": "GRAPHQL_VALIDATION_FAILED", **(error.extensions or {})}
        case GraphQLError():
            error.extensions = dict(cause.extensions or {})
        case AioRpcError() | RemoteError() | AssayError():
            error.message, error.extensions = _explained(cause)
        case _:
            log.error("graphql resolver failed", exc_info=cause)
            error.message, error.extensions = "internal error", {"code": "INTERNAL", "status": 500}


def _explained(cause: Exception) -> tuple[str, dict[str, Any]]:
    problem = problem_of(cause)
    extensions: dict[str, Any] = {"code": problem.reason, "status": problem.status, **problem.extra}
    if problem.errors:
        extensions["errors"] = list(problem.errors)
    return problem.detail, extensions
