"""Errors between services: domain errors to gRPC statuses with google.rpc details, and back on the client's side.

Protocol: https://google.aip.dev/193 (ErrorInfo, BadRequest), carried in the trailing metadata
`grpc-status-details-bin`.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from assay_common import errors
from assay_common.postgres.away import database_is_away

DETAILS_KEY: Final = "grpc-status-details-bin"
DOMAIN: Final = "assay"
MAX_DETAILS_BYTES: Final = 6 * 1024
"""Room for the details: clients refuse more than 8 KiB of metadata by default."""
MAX_MESSAGE_CHARS: Final = 1024

_CODES: Final[dict[type[errors.AssayError], grpc.StatusCode]] = {
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Aborted: grpc.StatusCode.ABORTED,
    errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
}

_FILE_ERRORS: Final = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
"""OSErrors that speak of this program's files, not of another part being away."""


@dataclass(frozen=True, slots=True)
class Status:
    """A gRPC status with its details, before it is put on the wire."""

    code: grpc.StatusCode
    message: str
    reason: str
    details: dict[str, str] = field(default_factory=dict)
    violations: tuple[errors.Violation, ...] = ()


class RemoteError(Exception):
    """What another service answered instead of a response."""

    def __init__(
        self,
        status: grpc.StatusCode,
        reason: str,
        message: str,
        details: dict[str, str],
        violations: tuple[errors.Violation, ...],
        *,
        ours: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """The rule that was broken, such as VERSION_NOT_FOUND; the status's name where the answer named none."""
        self.message = message
        self.details = details
        self.violations = violations
        self.ours = ours
        """Whether a service of the suite answered so, rather than a proxy or the network in between."""

    def __str__(self) -> str:
        return f"{self.status.name} {self.reason}: {self.message}"


def status_of(error: BaseException) -> Status:
    """The status that tells a caller of `error`; an unknown error becomes INTERNAL and tells nothing of itself."""
    match error:
        case errors.AssayError():
            violations = error.violations if isinstance(error, errors.InvalidArgument) else ()
            return Status(_code_of(error), error.message, error.reason, dict(error.details), tuple(violations))
        case grpc.aio.AioRpcError():
            return _passed_on(error_from(error))
        case RemoteError():
            return _passed_on(error)
        case TimeoutError():
            return Status(grpc.StatusCode.DEADLINE_EXCEEDED, "this took too long", "DEADLINE_EXCEEDED")
        case _ if is_away(error):
            return Status(grpc.StatusCode.UNAVAILABLE, "a part that is needed does not answer", "UNAVAILABLE")
        case _:
            return Status(grpc.StatusCode.INTERNAL, "internal error", "INTERNAL")


def is_away(error: BaseException) -> bool:
    """Whether `error` says that the database or another peer cannot be reached at the moment."""
    return database_is_away(error) or (
        isinstance(error, OSError) and not isinstance(error, (*_FILE_ERRORS, TimeoutError))
    )


def _code_of(error: errors.AssayError) -> grpc.StatusCode:
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return grpc.StatusCode.INTERNAL


def _passed_on(error: RemoteError) -> Status:
    """What a caller is told when a service behind this one failed.

    A refusal by another service of the suite is an answer and passes unchanged; its absence or slowness too. Anything
    else is this side's mistake.
    """
    if error.ours or error.status in _TRANSIENT:
        return Status(error.status, error.message, error.reason, error.details, error.violations)
    return Status(grpc.StatusCode.INTERNAL, "internal error", "INTERNAL")


_TRANSIENT: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


def to_metadata(status: Status) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata that carries the details, cut to what a client accepts."""
    message = status.message[:MAX_MESSAGE_CHARS]
    info = error_details_pb2.ErrorInfo(reason=status.reason, domain=DOMAIN, metadata=status.details)
    wire = status_pb2.Status(code=status.code.value[0], message=message, details=[_packed(info)])
    if status.violations:
        wire.details.append(_packed(_bad_request(status.violations, MAX_DETAILS_BYTES - wire.ByteSize())))
    return ((DETAILS_KEY, wire.SerializeToString()),)


def _bad_request(violations: tuple[errors.Violation, ...], room: int) -> error_details_pb2.BadRequest:
    """As many violations as fit into `room` bytes, at least one."""
    request = error_details_pb2.BadRequest()
    for violation in violations:
        request.field_violations.add(
            field=violation.field[:MAX_MESSAGE_CHARS], description=violation.description[:MAX_MESSAGE_CHARS]
        )
        if request.ByteSize() > room and len(request.field_violations) > 1:
            del request.field_violations[-1]
            break
    return request


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


async def abort(context: grpc.aio.ServicerContext[Any, Any], status: Status) -> None:
    """End the RPC with `status`; raises grpc.aio.AbortError, as `context.abort` does."""
    await context.abort(status.code, status.message[:MAX_MESSAGE_CHARS], to_metadata(status))


def error_from(rpc_error: grpc.aio.AioRpcError) -> RemoteError:
    """Read what another service answered, details included."""
    code = rpc_error.code()
    message = rpc_error.details() or ""
    info, bad_request = _details(rpc_error)
    if info is None:
        return RemoteError(code, code.name, message, {}, (), ours=False)
    violations = tuple(errors.Violation(item.field, item.description) for item in bad_request.field_violations)
    return RemoteError(code, info.reason, message, dict(info.metadata), violations)


def _details(
    rpc_error: grpc.aio.AioRpcError,
) -> tuple[error_details_pb2.ErrorInfo | None, error_details_pb2.BadRequest]:
    info: error_details_pb2.ErrorInfo | None = None
    bad_request = error_details_pb2.BadRequest()
    for key, value in rpc_error.trailing_metadata() or ():
        if key != DETAILS_KEY or not isinstance(value, bytes):
            continue
        try:
            wire = status_pb2.Status.FromString(value)
        except DecodeError:
            break
        for detail in wire.details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo()
                detail.Unpack(info)
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                detail.Unpack(bad_request)
    return info if info is not None and info.domain == DOMAIN else None, bad_request
