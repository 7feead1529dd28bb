"""How a call is carried out, without doing any input or output itself.

`exchange` is a generator: it asks its driver to send a request or to wait, and is told what came of it. The drivers,
one synchronous and one asynchronous, have no other logic (the pattern of https://sans-io.readthedocs.io).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import httpx

from assay_client.call import Call
from assay_client.credentials import Session, SessionStore
from assay_client.errors import NotSignedIn, Problem, Unreachable

LONGEST_WAIT: Final = 30.0
"""Seconds; who asks for a longer wait is not waited for."""
_FIRST_WAIT: Final = 0.25
_TRY_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.BAD_GATEWAY})
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before anything was sent: every request may be sent again after them."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send this; the driver answers a response or throws httpx.TransportError."""

    method: str
    url: str
    headers: dict[str, str]
    options: dict[str, Any]
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Renew:
    """Run `renewal` while nobody else does; the driver answers the session that came of it."""

    used: Session | None


Step: TypeAlias = Send | Wait | Renew
Steps: TypeAlias = Generator[Step, Any, httpx.Response]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose calls they are: those of an API key, of a session, or of nobody."""

    api_key: str | None = None
    store: SessionStore | None = None

    def scope(self) -> str:
        """A name for whose calls they are, by which answers can be kept apart. It tells no secret."""
        if self.api_key is not None:
            return f"key {hashlib.sha256(self.api_key.encode()).hexdigest()}"
        session = self.store.load() if self.store else None
        return f"session {session.owner if session else None}"


def exchange(call: Call, identity: Identity) -> Steps:
    """Carry a call out; returns its successful answer, or 304.

    Raises Problem, NotSignedIn, Unreachable.
    """
    if not call.signed:
        return (yield from attempts(call))
    headers = call.headers()
    if identity.api_key is not None:
        return (yield from attempts(call, identity.api_key, headers))
    session = identity.store.load() if identity.store else None
    if session is None:
        raise NotSignedIn("this call needs an API key or a session: sign in first")
    if not session.is_fresh():
        session = yield Renew(session)
    try:
        return (yield from attempts(call, session.access_token, headers))
    except Problem as problem:
        if problem.status != HTTPStatus.UNAUTHORIZED or not call.can_be_sent_again:
            raise
    # The token was taken away before its time, for instance by a change of role: the session may still be good.
    session = yield Renew(session)
    return (yield from attempts(call, session.access_token, headers))


def renewal(
    store: SessionStore, used: Session | None, organisation: str | None = None
) -> Generator[Step, Any, Session]:
    """New tokens for a session, unless somebody else has renewed it meanwhile; to be run inside `store.alone()`."""
    session = store.load()
    if session is None:
        raise NotSignedIn("the session was closed: sign in again")
    if used is not None and session != used and organisation is None:
        return session
    body = {"refresh_token": session.refresh_token, **({"organisation": organisation} if organisation else {})}
    call = Call("POST", "/v1/sessions/refresh", body=body, signed=False)
    try:
        answer = yield from attempts(call)
    except Problem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            store.save(None)
            raise NotSignedIn(f"the session has ended: {problem.detail}") from problem
        raise
    renewed = Session.of(answer.json())
    store.save(renewed)
    return renewed


def attempts(call: Call, token: str | None = None, headers: Mapping[str, str] | None = None) -> Steps:
    """Send a call until there is an answer that counts; returns it. All attempts carry the same headers.

    Raises Problem, Unreachable.
    """
    sent = dict(call.headers() if headers is None else headers)
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    send = Send(call.method, call.url, sent, call.options(), call.stream)
    for attempt in range(1, call.attempts + 1):
        is_last = attempt == call.attempts
        try:
            answer: httpx.Response = yield send
        except httpx.TransportError as error:
            if is_last or not _may_repeat(call, error):
                raise Unreachable(str(error) or type(error).__name__) from error
            yield Wait(_jittered(attempt))
            continue
        if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
            return answer
        wait = None if is_last else _wait_before_next(call, answer, attempt)
        if wait is None:
            raise Problem.of(answer)
        yield Wait(wait)
    raise AssertionError("the last attempt returns or raises")


def _may_repeat(call: Call, error: httpx.TransportError) -> bool:
    """Whether a failed attempt may be followed by another: nothing was sent, or a second time changes nothing."""
    if isinstance(error, _NOT_SENT):
        return call.can_be_sent_again
    # Who has waited a whole time-out does not wait for another one.
    return call.is_repeatable and isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)


def _wait_before_next(call: Call, answer: httpx.Response, attempt: int) -> float | None:
    """Seconds before the same request is sent again; None when it is not."""
    if answer.status_code not in _TRY_LATER or not call.can_be_sent_again:
        return None
    asked = answer.headers.get("retry-after", "")
    # A gateway that asks for later has not carried the request out; of any other failure nobody knows.
    if not call.is_repeatable and not asked:
        return None
    if not asked.isdigit():
        return _jittered(attempt)
    # A little later than asked for, and not all clients at once.
    return float(asked) + random.uniform(0, 0.25) if int(asked) <= LONGEST_WAIT else None  # noqa: S311


def _jittered(attempt: int) -> float:
    """Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), but never no wait."""
    longest = _FIRST_WAIT * 2.0**attempt
    return random.uniform(longest / 4, longest)  # noqa: S311
