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


def formatted(error: GraphQLError) -> dict[str, Any]:
    """One error of an answer; a mistake of ours is logged, and nothing is told of it."""
    shown: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    match cause:
        case None:
            shown["extensions"] = {"code": "GRAPHQL_VALIDATION_FAILED", **(error.extensions or {})}
        case AioRpcError() | RemoteError() | AssayError():
            problem = problem_of(cause)
            shown["message"] = problem.detail
            shown["extensions"] = {"code": problem.reason, "status": problem.status, **problem.extra}
            if problem.errors:
                shown["extensions"]["errors"] = list(problem.errors)
        case _:
            log.error("graphql resolver failed", exc_info=cause)
            shown["message"] = "internal error"
            shown["extensions"] = {"code": "INTERNAL", "status": 500}
    return shown
