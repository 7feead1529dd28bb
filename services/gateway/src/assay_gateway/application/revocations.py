"""What auth has taken away while access tokens that say otherwise are still alive."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from assay_common.errors import Unauthenticated
from assay_common.identity import Principal

TOKEN_LIFETIME: Final = 900.0
"""Seconds after which no access token can still be alive that was given before: auth gives them ten minutes, and clocks
may differ by half a minute."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class KeyRefused(Unauthenticated):
    """Auth does not know the key, or it has expired or been revoked."""


class SessionEnded(Unauthenticated):
    """The session was closed: by signing out, by its owner, or for safety's sake."""


class AccountDeactivated(Unauthenticated):
    """The person's account is closed."""


class MembershipEnded(Unauthenticated):
    """The token was given before its owner was removed from the organisation."""


class MembershipChanged(Unauthenticated):
    """The token was given before its owner got another role; a new one says which."""


@dataclass(frozen=True, slots=True)
class _Change:
    at: datetime
    removed: bool


class _Marks(Generic[K, V]):
    """What was noted, for as long as it matters: the oldest come first and go first."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._noted: dict[K, tuple[float, V]] = {}

    def note(self, key: K, value: V) -> None:
        now = self._seconds()
        while self._noted:
            oldest = next(iter(self._noted))
            if self._noted[oldest][0] > now - TOKEN_LIFETIME:
                break
            del self._noted[oldest]
        self._noted.pop(key, None)
        self._noted[key] = (now, value)

    def get(self, key: K | None) -> V | None:
        noted = self._noted.get(key) if key is not None else None
        return None if noted is None else noted[1]


class Revocations:
    """Fed with auth's events; asked about every caller.

    Sessions, keys and accounts are revoked for good. A changed membership concerns the tokens that were given before
    it. Everything is forgotten once no token that it concerns can be alive.
    """

    def __init__(self, seconds: Callable[[], float] = time.time) -> None:
        self._keys = _Marks[UUID, bool](seconds)
        self._sessions = _Marks[UUID, bool](seconds)
        self._people = _Marks[UUID, bool](seconds)
        self._members = _Marks[tuple[UUID, UUID], _Change](seconds)
        self._any = False

    def revoke_key(self, key_id: UUID) -> None:
        """A key stopped working."""
        self._keys.note(key_id, True)
        self._any = True

    def end_session(self, session_id: UUID) -> None:
        """A session was closed."""
        self._sessions.note(session_id, True)
        self._any = True

    def deactivate(self, person: UUID) -> None:
        """A person's account was closed, or a service account deleted."""
        self._people.note(person, True)
        self._any = True

    def change_member(self, org_id: UUID, person: UUID, at: datetime, *, removed: bool) -> None:
        """A member has another role, or was removed."""
        known = self._members.get((org_id, person))
        if known is not None and known.at > at:
            return
        self._members.note((org_id, person), _Change(at, removed))
        self._any = True

    def ensure_holds(self, caller: Principal, *, just_given: bool = False) -> None:
        """Raise KeyRefused, SessionEnded, AccountDeactivated, MembershipEnded or MembershipChanged (Unauthenticated).

        `just_given`: auth was asked since the last change of the caller's membership.
        """
        if not self._any:
            return
        if self._keys.get(caller.subject):
            raise KeyRefused("the API key has been revoked")
        if self._sessions.get(caller.session_id):
            raise SessionEnded("the session has been closed; sign in again")
        person = caller.acts_for
        if self._people.get(person):
            raise AccountDeactivated("the account is closed")
        if caller.org_id is None or just_given:
            return
        change = self._members.get((caller.org_id, person))
        if change is None or (caller.issued_at is not None and caller.issued_at > change.at):
            return
        if change.removed:
            raise MembershipEnded("the caller is a member of this organisation no longer")
        raise MembershipChanged("the caller has another role by now; get a new token")
