"""What a failure means for the message: wait, try again, or put aside."""

import errno

import asyncpg
import grpc
import grpc.aio
import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError
from hypothesis import given
from hypothesis import strategies as st

from assay_common import errors
from assay_common.kafka.delivery import Undecodable
from assay_common.kafka.failures import BackOff, Verdict, judge
from assay_common.rpc.errors import RemoteError


def rpc_error(code):
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())


def remote_error(code):
    return RemoteError(code, "REASON", "message", {}, ())


@pytest.mark.parametrize(
    "error",
    [
        errors.Unavailable("the provider is throttled"),
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        TimeoutError(),
        OSError(errno.EHOSTUNREACH, "no route"),
        OSError("multiple exceptions: connect call failed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.TooManyConnectionsError("sorry"),
        asyncpg.InterfaceError("connection is closed"),
        KafkaConnectionError("away"),
        KafkaTimeoutError("slow"),
        rpc_error(grpc.StatusCode.UNAVAILABLE),
        rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED),
        remote_error(grpc.StatusCode.UNAVAILABLE),
    ],
    ids=repr,
)
def test_what_is_away_is_waited_for(error):
    assert judge(error) is Verdict.TRANSIENT


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFound("no such run"),
        errors.InvalidArgument("bad"),
        errors.FailedPrecondition("cancelled"),
        errors.ResourceExhausted("quota"),
        Undecodable("garbage"),
    ],
    ids=repr,
)
def test_a_broken_rule_stays_broken(error):
    assert judge(error) is Verdict.PERMANENT


@pytest.mark.parametrize(
    "error",
    [
        errors.Aborted("somebody was faster"),
        ValueError("a bug, perhaps"),
        FileNotFoundError(errno.ENOENT, "gone"),
        PermissionError(errno.EACCES, "forbidden"),
        asyncpg.UniqueViolationError("twice"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
        MessageSizeTooLargeError("huge"),
        rpc_error(grpc.StatusCode.INTERNAL),
        remote_error(grpc.StatusCode.NOT_FOUND),
    ],
    ids=repr,
)
def test_anything_else_gets_a_few_tries(error):
    assert judge(error) is Verdict.UNCERTAIN


@given(st.integers(1, 10_000))
def test_pauses_grow_are_jittered_and_end(attempt):
    back_off = BackOff(first_seconds=0.2, longest_seconds=30)
    whole = min(30, 0.2 * 2 ** min(attempt - 1, 20))
    assert whole / 2 <= back_off.seconds(attempt) <= whole
