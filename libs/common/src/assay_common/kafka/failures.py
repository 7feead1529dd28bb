"""What a failed delivery means: wait and try again, try a few times, or put it aside."""

import errno
import random
from dataclasses import dataclass
from enum import Enum
from typing import Final

import grpc
import grpc.aio
from aiokafka.errors import KafkaError, KafkaTimeoutError

from assay_common.errors import Aborted, AssayError, Unavailable
from assay_common.kafka.delivery import Undecodable
from assay_common.postgres.away import database_is_away
from assay_common.rpc.errors import RemoteError


class Verdict(Enum):
    """How to go on after a handler raised."""

    TRANSIENT = "transient"
    """Something that is needed is away; the message is not to blame. Try again, for ever."""
    UNCERTAIN = "uncertain"
    """Perhaps chance, perhaps the message. Try again a few times, then put it aside."""
    PERMANENT = "permanent"
    """It will fail every time. Put it aside at once."""


_AWAY: Final = (
    Unavailable,
    ConnectionError,
    TimeoutError,
    KafkaTimeoutError,
)
_AWAY_STATUSES: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_THE_CALLERS_FAULT: Final = frozenset(
    {
        errno.ENOENT,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EACCES,
        errno.EPERM,
        errno.EINVAL,
        errno.ENAMETOOLONG,
    }
)
"""Errors of the operating system that waiting does not cure."""


def judge(error: BaseException) -> Verdict:
    """Classify what a handler raised.

    What cannot be decoded and broken rules (AssayError) are permanent, but for Unavailable (transient) and Aborted: a
    lost update or a deadlock is chance, and tried again. An absent file is no transient failure although it is an
    OSError.
    """
    if _is_away(error):
        return Verdict.TRANSIENT
    if isinstance(error, Undecodable | AssayError) and not isinstance(error, Aborted):
        return Verdict.PERMANENT
    return Verdict.UNCERTAIN


def _is_away(error: BaseException) -> bool:
    match error:
        case OSError() if not isinstance(error, _AWAY):
            return error.errno not in _THE_CALLERS_FAULT
        case KafkaError() if error.retriable:
            return True
        case grpc.aio.AioRpcError():
            return error.code() in _AWAY_STATUSES
        case RemoteError():
            return error.status in _AWAY_STATUSES
        case _:
            return isinstance(error, _AWAY) or database_is_away(error)


@dataclass(frozen=True, slots=True)
class BackOff:
    """Exponential waiting with jitter: between half and the whole of `first_seconds`, doubled each time, capped."""

    first_seconds: float = 0.2
    longest_seconds: float = 30.0

    def seconds(self, attempt: int) -> float:
        """How long to wait after the `attempt`-th try (counted from 1) failed."""
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** min(attempt - 1, 30))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
