import asyncpg
import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_common import errors
from assay_common.errors import InvalidArgument, NotFound, Violation
from assay_common.rpc.errors import DETAILS_KEY, RemoteError, error_from, status_of, to_metadata


class VersionNotFound(NotFound):
    """A service's own error."""


def over_the_wire(error):
    """What a client sees of an error that a handler raised."""
    status = status_of(error)
    return grpc.aio.AioRpcError(
        status.code, grpc.aio.Metadata(), grpc.aio.Metadata(*to_metadata(status)), details=status.message
    )


def foreign(code, message="", trailing=()):
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=message)


@pytest.mark.parametrize(
    ("category", "code"),
    [
        (errors.InvalidArgument, "INVALID_ARGUMENT"),
        (errors.Unauthenticated, "UNAUTHENTICATED"),
        (errors.PermissionDenied, "PERMISSION_DENIED"),
        (errors.NotFound, "NOT_FOUND"),
        (errors.AlreadyExists, "ALREADY_EXISTS"),
        (errors.FailedPrecondition, "FAILED_PRECONDITION"),
        (errors.Aborted, "ABORTED"),
        (errors.ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (errors.Unavailable, "UNAVAILABLE"),
        (errors.AssayError, "INTERNAL"),
    ],
)
def test_each_category_has_its_status_and_subclasses_inherit_it(category, code):
    specific = type("LabelIsProtected", (category,), {})
    assert status_of(category("no")).code.name == code
    remote = error_from(over_the_wire(specific("no", label="production")))
    assert (remote.status.name, remote.reason, remote.details) == (code, "LABEL_IS_PROTECTED", {"label": "production"})


def test_a_domain_error_arrives_whole():
    remote = error_from(over_the_wire(VersionNotFound("no version 7", prompt="grüße", version="7")))
    assert remote.status is grpc.StatusCode.NOT_FOUND
    assert remote.reason == "VERSION_NOT_FOUND"
    assert remote.message == "no version 7"
    assert remote.details == {"prompt": "grüße", "version": "7"}
    assert remote.violations == ()


def test_field_violations_arrive():
    wrong = (Violation("name", "must not be empty"), Violation("variables[2].name", "is used twice"))
    assert error_from(over_the_wire(InvalidArgument("2 fields are wrong", *wrong))).violations == wrong


@given(st.integers(1, 3000), st.text(max_size=3000), st.text(max_size=4000))
def test_however_much_is_wrong_a_client_can_read_it(count, description, message):
    error = InvalidArgument(message, *(Violation(f"rows[{row}]", description) for row in range(count)))
    ((_, details),) = to_metadata(status_of(error))
    assert len(details) < 7 * 1024 + 2 * 4 * 1024  # one violation and the message always fit, both cut
    assert error_from(over_the_wire(error)).violations[0].field == "rows[0]"


def test_many_violations_stay_under_the_limit_of_metadata():
    error = InvalidArgument("wrong", *(Violation(f"rows[{row}]", "is not JSON") for row in range(20_000)))
    ((_, details),) = to_metadata(status_of(error))
    assert len(details) <= 6 * 1024 + 64
    assert len(error_from(over_the_wire(error)).violations) > 100


@pytest.mark.parametrize("error", [ValueError("secret"), KeyError("secret"), FileNotFoundError("secret")])
def test_an_unknown_error_tells_nothing_of_itself(error):
    status = status_of(error)
    assert status.code is grpc.StatusCode.INTERNAL
    assert b"secret" not in to_metadata(status)[0][1]
    assert "secret" not in status.message


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "refused"),
        OSError("Multiple exceptions: [Errno 111] connect call failed"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.TooManyConnectionsError("too many clients"),
    ],
)
def test_an_absent_part_is_unavailable(error):
    assert status_of(error).code is grpc.StatusCode.UNAVAILABLE


def test_a_timeout_is_a_deadline():
    assert status_of(TimeoutError()).code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_refusal_by_another_service_passes_unchanged():
    wrong = Violation("name", "taken")
    status = status_of(over_the_wire(InvalidArgument("no", wrong, name="x")))
    assert (status.code, status.reason, status.details, status.violations) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
        {"name": "x"},
        (wrong,),
    )
    assert status_of(RemoteError(grpc.StatusCode.NOT_FOUND, "PROMPT_NOT_FOUND", "no", {}, ())).code.name == "NOT_FOUND"


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_the_absence_of_another_service_passes(code):
    assert status_of(foreign(code)).code is code


@pytest.mark.parametrize("code", [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.NOT_FOUND])
def test_what_is_not_ours_is_our_mistake(code):
    assert status_of(foreign(code, "stack trace")).code is grpc.StatusCode.INTERNAL


def test_unreadable_details_are_left_out():
    remote = error_from(foreign(grpc.StatusCode.NOT_FOUND, "no", [(DETAILS_KEY, b"\xff\xff")]))
    assert (remote.reason, remote.message, remote.details) == ("NOT_FOUND", "no", {})
    assert str(remote) == "NOT_FOUND NOT_FOUND: no"
