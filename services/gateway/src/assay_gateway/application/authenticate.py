"""Who is calling: access tokens are checked offline, API keys are exchanged at auth and remembered."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from assay_common.errors import Unavailable
from assay_common.identity import Principal
from assay_gateway.application.metrics import API_KEY_EXCHANGES
from assay_gateway.application.ports import KeyExchange, TokenVerifier
from assay_gateway.application.revocations import KeyRefused, Revocations

KEY_PREFIX: Final = "assay_"
"""What every API key starts with; no access token (a JWT) does."""
RENEW_BEFORE: Final = 30.0
"""Seconds before its token expires from which a key is exchanged again."""
RENEWED_EVERY: Final = 60.0
"""Seconds after which a key in use is exchanged again at the latest: so exact is what auth knows of its last use."""
RENEWAL_PUT_OFF: Final = 2.0
"""Seconds for which a key that should be renewed is used as it is after auth did not answer."""
REFUSAL_KEPT: Final = 2.0
"""Seconds for which auth is not asked again about a key that it refused."""
MAX_KEYS: Final = 10_000
"""Keys remembered at once; the longest unused is forgotten first."""


class AuthAway(Unavailable):
    """Auth does not answer, so that a key cannot be exchanged now."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A key's access token, and the time from which another is to be had."""

    token: str
    renew_at: float
    caller: Principal


class Authenticate:
    """Turns what a client sends as bearer into a principal whose token the services accept.

    API keys are remembered by their SHA-256 only. A session, key, account or membership that auth takes away is refused
    as soon as the event arrives; without the event, when the token expires (auth's access tokens live for minutes).
    While auth is away, what is remembered keeps working.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        keys: KeyExchange,
        revocations: Revocations,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._keys = keys
        self._revocations = revocations
        self._seconds = seconds
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, KeyRefused]] = OrderedDict()
        self._exchanging: dict[bytes, asyncio.Task[Principal]] = {}
        self._doubts: dict[bytes, list[tuple[Callable[[Principal], bool], bool]]] = {}
        """What was learnt while a key was being exchanged: whom it concerns, and whether only to ask again soon."""

    async def __call__(self, bearer: str) -> Principal:
        """The caller; does not wait for anything when the bearer is remembered.

        Raises Unauthenticated (TokenInvalid, TokenExpired, KeyRefused, and as `Revocations`), Unavailable
        (KeysUnavailable, AuthAway), or what else auth answered when a key was to be exchanged.
        """
        by_key = bearer.startswith(KEY_PREFIX)
        caller = await (self._by_key(bearer) if by_key else self._verifier.verify(bearer))
        self._revocations.ensure_holds(caller, just_given=by_key)  # A key of a changed member is forgotten at once.
        return caller

    def remembers(self, bearer: str) -> bool:
        """Whether this is an API key that auth has accepted before, or is being asked about at this moment."""
        if not bearer.startswith(KEY_PREFIX):
            return False
        digest = hashlib.sha256(bearer.encode()).digest()
        return digest in self._known or digest in self._exchanging

    def forget_key(self, key_id: UUID) -> None:
        """A key was revoked, for good."""
        self._revocations.revoke_key(key_id)
        self.forget_keys(lambda caller: caller.subject == key_id)

    def end_session(self, session_id: UUID) -> None:
        """A session was closed: its access tokens hold no longer."""
        self._revocations.end_session(session_id)

    def close_account(self, person: UUID) -> None:
        """A person's account was closed, or a service account deleted, with all that belongs to it."""
        self._revocations.deactivate(person)
        self.forget_keys(lambda caller: caller.acts_for == person)

    def change_member(self, org_id: UUID, person: UUID, at: datetime, *, removed: bool) -> None:
        """A member was removed or got another role: tokens that were given before hold no longer."""
        self._revocations.change_member(org_id, person, at, removed=removed)
        # Keys whose tokens do not say whose they are may be anybody's.
        self.forget_keys(lambda caller: caller.org_id == org_id and caller.owner in (person, None))

    def ensure_holds(self, caller: Principal) -> None:
        """Whether somebody who was let in still may be in; raises as `Revocations`."""
        self._revocations.ensure_holds(caller)

    def forget_keys(self, meant: Callable[[Principal], bool]) -> None:
        """What the keys that are meant may do has changed: auth is asked again before they are let in."""
        for doubts in self._doubts.values():
            doubts.append((meant, False))
        for digest in [digest for digest, known in self._known.items() if meant(known.caller)]:
            del self._known[digest]

    def renew_all(self) -> None:
        """Events may have been missed: every key is asked for again, as soon as auth answers."""
        for doubts in self._doubts.values():
            doubts.append((lambda _caller: True, True))
        for digest, known in self._known.items():
            self._known[digest] = replace(known, renew_at=0.0)

    async def _by_key(self, key: str) -> Principal:
        digest = hashlib.sha256(key.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known.renew_at > self._seconds():
            self._known.move_to_end(digest)
            return await self._verifier.verify(known.token)
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
            # Due for renewal, it may still hold for a while; not every request needs to wait for auth meanwhile.
            self._known[digest] = replace(known, renew_at=self._seconds() + RENEWAL_PUT_OFF)
            return await self._verifier.verify(known.token)

    async def _exchange(self, digest: bytes, key: str) -> Principal:
        doubts = self._doubts[digest] = []
        try:
            given = await self._keys.exchange(key)
        except KeyRefused as error:
            API_KEY_EXCHANGES.labels("refused").inc()
            self._known.pop(digest, None)
            self._refused[digest] = (self._seconds() + REFUSAL_KEPT, error)
            _shrink(self._refused)
            raise
        except Exception:
            API_KEY_EXCHANGES.labels("failed").inc()
            raise
        API_KEY_EXCHANGES.labels("exchanged").inc()
        caller = await self._verifier.verify(given.access_token)
        concerned = [only_soon for meant, only_soon in doubts if meant(caller)]
        if all(concerned):  # Else what auth said may be out of date already.
            fresh_until = min(given.expires_at.timestamp() - RENEW_BEFORE, self._seconds() + RENEWED_EVERY)
            renew_at = 0.0 if concerned else fresh_until
            self._known[digest] = _Known(given.access_token, renew_at, caller)
            _shrink(self._known)
        return caller

    def _exchange_ended(self, digest: bytes, task: asyncio.Task[Principal]) -> None:
        del self._exchanging[digest]
        self._doubts.pop(digest, None)
        if not task.cancelled():
            task.exception()  # Seen: every waiter may have gone away.


def _shrink(entries: OrderedDict[bytes, Any]) -> None:
    while len(entries) > MAX_KEYS:
        entries.popitem(last=False)
