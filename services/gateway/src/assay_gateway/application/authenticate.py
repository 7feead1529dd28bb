"""Who is calling: access tokens are checked offline, API keys are exchanged at auth and remembered."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from assay_common.errors import Unauthenticated, Unavailable
from assay_common.identity import Principal
from assay_gateway.application.metrics import API_KEY_EXCHANGES
from assay_gateway.application.ports import ExchangedKey, KeyExchange, TokenVerifier

KEY_PREFIX: Final = "assay_"
"""What every API key starts with; no access token (a JWT) does."""
RENEW_BEFORE: Final = 30.0
"""Seconds before its token expires from which a key is exchanged again."""
REFUSAL_KEPT: Final = 2.0
"""Seconds for which auth is not asked again about a key that it refused."""
MAX_KEYS: Final = 10_000
"""Keys remembered at once; the longest unused is forgotten first."""
TOKEN_LIFETIME: Final = 3600.0
"""Seconds after which no access token of a removed member can still be alive; auth gives them less."""


class KeyRefused(Unauthenticated):
    """Auth does not know the key, or it has expired or been revoked."""


class AuthAway(Unavailable):
    """Auth does not answer, so that a key cannot be exchanged now."""


class MembershipEnded(Unauthenticated):
    """The token was given before its owner was removed from the organisation."""


class Authenticate:
    """Turns what a client sends as bearer into a principal whose token the services accept.

    API keys are remembered by their SHA-256 only. A key or a member that auth takes away is forgotten as soon as the
    event arrives; without the event, when the token expires (auth's access tokens live for minutes). While auth is
    away, what is remembered keeps working. `issued_at` reads when a verified token was given.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        keys: KeyExchange,
        issued_at: Callable[[str], datetime],
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._keys = keys
        self._issued_at = issued_at
        self._seconds = seconds
        self._exchanged: OrderedDict[bytes, tuple[str, float, Principal]] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, KeyRefused]] = OrderedDict()
        self._exchanging: dict[bytes, asyncio.Task[Principal]] = {}
        self._removed: dict[tuple[UUID, UUID], datetime] = {}
        self._generation = 0

    async def __call__(self, bearer: str) -> Principal:
        """The caller; does not wait for anything when the bearer is remembered.

        Raises Unauthenticated (TokenInvalid, TokenExpired, KeyRefused, MembershipEnded), Unavailable (KeysUnavailable,
        AuthAway), or what else auth answered when a key was to be exchanged.
        """
        if bearer.startswith(KEY_PREFIX):
            return await self._by_key(bearer)
        caller = await self._verifier.verify(bearer)
        if self._removed and caller.org_id is not None:
            self._ensure_member(caller, caller.org_id)
        return caller

    def forget_key(self, key_id: UUID) -> None:
        """A key was revoked: the next use of it asks auth."""
        self._forget(lambda caller: caller.subject == key_id)

    def forget_member(self, org_id: UUID, user_id: UUID, at: datetime) -> None:
        """A member was removed: tokens given before no longer hold, and the organisation's keys are asked for again."""
        horizon = self._seconds() - TOKEN_LIFETIME
        self._removed = {who: when for who, when in self._removed.items() if when.timestamp() > horizon}
        self._removed[(org_id, user_id)] = at
        self._forget(lambda caller: caller.org_id == org_id)

    def forget_all(self) -> None:
        """Events may have been missed: every key is asked for again."""
        self._forget(lambda _caller: True)

    async def _by_key(self, key: str) -> Principal:
        digest = hashlib.sha256(key.encode()).digest()
        known = self._exchanged.get(digest)
        if known is not None and known[1] > self._seconds():
            self._exchanged.move_to_end(digest)
            return await self._verifier.verify(known[0])
        refused = self._refused.get(digest)
        if refused is not None and refused[0] > self._seconds():
            raise refused[1]
        task = self._exchanging.get(digest)
        if task is None:
            task = asyncio.create_task(self._exchange(digest, key))
            self._exchanging[digest] = task
            task.add_done_callback(lambda done: self._exchange_ended(digest, done))
        try:
            return await asyncio.shield(task)
        except AuthAway:
            if known is None:
                raise
            return await self._verifier.verify(known[0])  # It was due for renewal, and may still hold for a while.

    async def _exchange(self, digest: bytes, key: str) -> Principal:
        generation = self._generation
        try:
            given = await self._keys.exchange(key)
        except KeyRefused as error:
            API_KEY_EXCHANGES.labels("refused").inc()
            self._refused[digest] = (self._seconds() + REFUSAL_KEPT, error)
            _shrink(self._refused)
            raise
        except Exception:
            API_KEY_EXCHANGES.labels("failed").inc()
            raise
        API_KEY_EXCHANGES.labels("exchanged").inc()
        caller = await self._verifier.verify(given.access_token)
        if generation == self._generation:
            self._remember(digest, given, caller)
        return caller

    def _remember(self, digest: bytes, given: ExchangedKey, caller: Principal) -> None:
        self._refused.pop(digest, None)
        self._exchanged[digest] = (given.access_token, given.expires_at.timestamp() - RENEW_BEFORE, caller)
        _shrink(self._exchanged)

    def _exchange_ended(self, digest: bytes, task: asyncio.Task[Principal]) -> None:
        del self._exchanging[digest]
        if not task.cancelled():
            task.exception()  # Seen: every waiter may have gone away.

    def _forget(self, meant: Callable[[Principal], bool]) -> None:
        """Forget the keys that are meant, and let no exchange that is on its way be remembered."""
        self._generation += 1
        for digest in [digest for digest, (_, _, caller) in self._exchanged.items() if meant(caller)]:
            del self._exchanged[digest]

    def _ensure_member(self, caller: Principal, org_id: UUID) -> None:
        removed_at = self._removed.get((org_id, caller.subject))
        if removed_at is not None and self._issued_at(caller.token) <= removed_at:
            raise MembershipEnded("the caller is a member of this organisation no longer")


def _shrink(entries: OrderedDict[bytes, Any]) -> None:
    while len(entries) > MAX_KEYS:
        entries.popitem(last=False)
