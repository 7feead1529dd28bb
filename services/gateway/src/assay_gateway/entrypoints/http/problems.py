"""Problem documents (RFC 9457), and the one table from gRPC statuses to HTTP's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import grpc
from starlette.responses import Response

from assay_common.errors import Violation
from assay_common.logs import request_id
from assay_common.rpc.errors import RemoteError, Status
from assay_gateway.messages import to_bytes

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "https://assay.dev/problems/"
RETRY_AFTER: Final = 1
"""Seconds after which a client may try again what failed because a part was away."""

HTTP_STATUS: Final[dict[grpc.StatusCode, int]] = {
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.OUT_OF_RANGE: 422,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
"""Every other status is a mistake of ours: 500, and nothing is told of it."""

ETAG_MISMATCH: Final = "ETAG_MISMATCH"
_RETRY_AFTER: Final = "retry_after"
"""The detail by which a service says after how many seconds to try again."""
"""The reason of a lost update, which HTTP has a status of its own for (RFC 9110, section 13.1.1)."""

_UNEXPLAINED: Final[dict[int, str]] = {
    401: "a valid bearer token is needed",
    403: "this is not allowed",
    404: "there is no such thing",
    503: "a part that is needed does not answer; try again",
    504: "this took too long",
}
"""Said instead of a message that no service of ours has written, as it may name what is inside."""

_PAGE_FIELDS: Final = {"page_size": "limit", "page_token": "cursor"}
_RESERVED: Final = frozenset({"type", "title", "status", "detail", "instance", "request_id", "reason", "errors"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, as a client is told."""

    status: int
    reason: str
    """UPPER_SNAKE name of the rule that was broken."""
    detail: str
    errors: tuple[dict[str, str], ...] = ()
    """What is wrong with which part of the request: JSON pointer and detail."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Facts of this kind of problem, such as the permission that is missing."""
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, instance: str) -> dict[str, Any]:
        """The document."""
        document: dict[str, Any] = {
            "type": TYPE_PREFIX + self.reason.lower().replace("_", "-"),
            "title": self.reason.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id.get(),
            "reason": self.reason,
            "errors": list(self.errors),
        }
        return document | {name: value for name, value in self.extra.items() if name not in _RESERVED}

    def response(self, instance: str) -> Response:
        """The answer that carries it."""
        return Response(
            to_bytes(self.body(instance)),
            status_code=self.status,
            media_type=MEDIA_TYPE,
            headers={**_headers(self.status, self.reason), **self.headers},
        )


def from_status(status: Status | RemoteError) -> Problem:
    """The problem that a gRPC status with its details stands for."""
    code = status.status if isinstance(status, RemoteError) else status.code
    http = HTTP_STATUS.get(code)
    if http is None:
        return internal_error()
    if status.reason == ETAG_MISMATCH:
        http = 412
    explained = status.reason != code.name
    return Problem(
        status=http,
        reason=status.reason,
        detail=status.message if explained else _UNEXPLAINED.get(http, HTTPStatus(http).phrase),
        errors=tuple(_error(violation) for violation in status.violations),
        extra=dict(status.details),
        headers={"retry-after": status.details[_RETRY_AFTER]} if _RETRY_AFTER in status.details else {},
    )


def internal_error() -> Problem:
    """A mistake of ours; the log knows more."""
    return Problem(500, "INTERNAL", "internal error")


def from_http(status: int, detail: str | None = None, headers: dict[str, str] | None = None) -> Problem:
    """A problem that HTTP itself names: no such route, method, size or media type."""
    named = HTTPStatus(status)
    reason = {413: "PAYLOAD_TOO_LARGE", 400: "BAD_REQUEST"}.get(status, named.name)
    return Problem(status, reason, detail or named.phrase, headers=headers or {})


def pointer(path: str) -> str:
    """A field path of a message, `messages[0].role`, as a JSON pointer (RFC 6901)."""
    parts = [part for part in re.split(r"[.\[\]]+", path) if part]
    return "".join("/" + _escaped(_PAGE_FIELDS.get(part, part)) for part in parts)


def pointer_to(parts: tuple[int | str, ...]) -> str:
    """The JSON pointer to a place in a document."""
    return "".join("/" + _escaped(str(part)) for part in parts)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _error(violation: Violation) -> dict[str, str]:
    place = violation.field if violation.field.startswith("/") else pointer(violation.field)
    return {"pointer": place, "detail": violation.description}


def _headers(status: int, reason: str) -> dict[str, str]:
    match status:
        case 401 if reason in ("TOKEN_MISSING", "UNAUTHENTICATED"):
            return {"www-authenticate": 'Bearer realm="assay"'}
        case 401:
            return {"www-authenticate": 'Bearer realm="assay", error="invalid_token"'}
        case 409 if reason == "REQUEST_IN_PROGRESS":
            return {"retry-after": str(RETRY_AFTER)}
        case 429 | 503:
            return {"retry-after": str(RETRY_AFTER)}
        case _:
            return {}
