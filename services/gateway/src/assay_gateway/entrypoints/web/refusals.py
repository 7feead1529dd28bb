"""What a service refuses, told beside the form that it was asked with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc.aio

from assay_common.errors import AssayError
from assay_common.rpc.errors import RemoteError
from assay_gateway.entrypoints.http.error_handlers import problem_of
from assay_gateway.entrypoints.http.problems import Problem
from assay_gateway.entrypoints.web.routes import sentence

_FOR_THE_FORM: Final = frozenset({400, 401, 403, 404, 409, 422})
"""What a person can mend by filling the form in anew; anything else gets a page of its own."""


class Refused(Exception):
    """A service refused what a person asked for."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.status = problem.status
        self.reason = problem.reason

        # The fields of a page are few; which one is meant is plain from what is said of it.
        described = [f"{error['pointer'].strip('/').replace('_', ' ')} {error['detail']}" for error in problem.errors]
        self.message = sentence("; ".join(described) or problem.detail)


@contextmanager
def refusals() -> Iterator[None]:
    """Raise Refused for what a person can mend, and everything else as it is."""
    try:
        yield
    except (AssayError, RemoteError, grpc.aio.AioRpcError) as error:
        problem = problem_of(error)
        if problem.status in _FOR_THE_FORM:
            raise Refused(problem) from error
        raise
