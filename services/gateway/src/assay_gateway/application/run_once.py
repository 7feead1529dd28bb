"""A request with an Idempotency-Key takes effect once, however often it is sent.

Protocol: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

import structlog

from assay_common.errors import Aborted, InvalidArgument, Unavailable
from assay_common.idempotency import IdempotentRequestDone
from assay_gateway.application import records
from assay_gateway.application.metrics import IDEMPOTENCY
from assay_gateway.application.ports import AnswersAway, AnswerStore
from assay_gateway.application.records import Secret
from assay_gateway.domain.answers import Answer

log = structlog.get_logger()

LEASE_SECONDS: Final = 10.0
"""How long a request counts as running after its gateway was last heard of."""
KEPT_SECONDS: Final = 24 * 3600.0
"""How long an answer is kept."""
MAX_KEPT_BYTES: Final = 1024 * 1024
"""Largest body of an answer that is kept."""
FIRST_LOOK: Final = 0.02
"""Seconds after which a request looks again for the answer of its twin; doubled each time."""
SLOWEST_LOOK: Final = 0.5


class IdempotencyKeyReused(InvalidArgument):
    """The key was used for another request: its body, query or media type differs."""


class IdempotencyUnavailable(Unavailable):
    """It cannot be found out whether the request was made before, so it is not made."""


class RequestInProgress(Aborted):
    """The same request is being worked on, and took longer than this one may wait."""


class RequestBody(Protocol):
    """The body of a request, which is hashed while it is read."""

    def digest(self) -> bytes | None:
        """None until all of it was read."""
        ...

    async def read_to_its_end(self) -> bytes:
        """The digest, after reading the rest of it."""
        ...


class RunOnce:
    """Runs a request, or gives the answer that it had before.

    Of twins that come together one runs; the other waits for its answer. What failed on our side (5xx) is forgotten, so
    that it may be tried again. A gateway that dies while it runs a request leaves a record that ends by itself; the
    next try is then run, and the service, which has noted the key with the effect, refuses it (IdempotentRequestDone)
    when there was one.
    """

    def __init__(self, store: AnswerStore, lease_seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._lease_seconds = lease_seconds

    async def __call__(
        self, name: str, key: str, body: RequestBody, work: Callable[[], Awaitable[Answer]], wait_seconds: float
    ) -> tuple[Answer, bool]:
        """The answer, and whether it is a repetition.

        `name` stands for caller, route and key together. Raises IdempotencyKeyReused, IdempotencyUnavailable,
        RequestInProgress, IdempotentRequestDone, or what `work` raises.
        """
        owner = os.urandom(records.OWNER_BYTES)
        digest = body.digest()
        secret = None if digest is None else Secret.of(key, digest)
        give_up_at = asyncio.get_running_loop().time() + wait_seconds
        pause = FIRST_LOOK
        while True:
            found = await self._claim(name, records.running(owner, secret))
            if found is None:
                return await self._run(name, owner, key, body, work), False
            record = records.read(found)
            if not record.is_running:
                return await self._repeated(record, key, body), True
            if secret is not None and record.fingerprint:
                _ensure_same(record.fingerprint, secret)
            if asyncio.get_running_loop().time() + pause > give_up_at:
                IDEMPOTENCY.labels("gave_up").inc()
                raise RequestInProgress("the same request is still being worked on: try again for its answer")
            await asyncio.sleep(pause)
            pause = min(SLOWEST_LOOK, pause * 2)

    async def _claim(self, name: str, record: bytes) -> bytes | None:
        try:
            return await self._store.claim(name, record, self._lease_seconds)
        except AnswersAway as error:
            IDEMPOTENCY.labels("unavailable").inc()
            raise IdempotencyUnavailable(
                "requests with an Idempotency-Key cannot be told from repetitions at the moment; nothing was done"
            ) from error

    async def _repeated(self, record: records.Record, key: str, body: RequestBody) -> Answer:
        secret = Secret.of(key, await body.read_to_its_end())
        _ensure_same(record.fingerprint, secret)
        answer = record.opened(secret)
        IDEMPOTENCY.labels("repeated").inc()
        if answer is None:
            raise IdempotentRequestDone("this was done; its answer was too large to be kept: read the resource")
        return answer

    async def _run(
        self, name: str, owner: bytes, key: str, body: RequestBody, work: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        try:
            async with self._kept_claimed(name, owner):
                answer = await work()
        except Exception:
            await self._forget(name, owner)
            raise
        digest = body.digest()
        if not answer.is_final or digest is None:
            await self._forget(name, owner)
            return answer
        IDEMPOTENCY.labels("run").inc()
        try:
            record = records.answered(Secret.of(key, digest), answer, MAX_KEPT_BYTES)
            await self._store.keep(name, owner, record, KEPT_SECONDS)
        except AnswersAway as error:
            # It is done, and the client shall hear so. A repetition is refused by the service.
            IDEMPOTENCY.labels("lost").inc()
            log.warning("an idempotent answer could not be kept", error=str(error))
        return answer

    @asynccontextmanager
    async def _kept_claimed(self, name: str, owner: bytes) -> AsyncIterator[None]:
        renewing = asyncio.create_task(self._renew(name, owner))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self, name: str, owner: bytes) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            with suppress(AnswersAway):
                await self._store.renew(name, owner, self._lease_seconds)

    async def _forget(self, name: str, owner: bytes) -> None:
        IDEMPOTENCY.labels("not_kept").inc()
        with suppress(AnswersAway):  # The record ends by itself.
            await self._store.release(name, owner)


def _ensure_same(fingerprint: bytes, secret: Secret) -> None:
    if not hmac.compare_digest(fingerprint, secret.fingerprint):
        IDEMPOTENCY.labels("reused").inc()
        raise IdempotencyKeyReused("this Idempotency-Key was used for another request: take a fresh one")
