"""Sessions: families of refresh tokens, each used once (RFC 9700, section 4.14.2)."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final
from uuid import UUID

REFRESH_LIFETIME: Final = timedelta(days=30)
"""A refresh token works this long after it was issued; a session that is used goes on."""
ENTROPY_BYTES: Final = 32


class TokenState(Enum):
    """What a refresh token is good for."""

    GOOD = auto()
    DEAD = auto()
    """Expired, or of a closed session."""
    REUSED = auto()
    """Used before: somebody has a copy, and nobody can tell who is the thief."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A refresh token as it is stored, with what is known of its family."""

    digest: bytes
    family_id: UUID
    user_id: UUID
    org_id: UUID | None
    expires_at: datetime
    rotated_at: datetime | None
    family_revoked_at: datetime | None

    def state(self, now: datetime) -> TokenState:
        """What the token is good for now."""
        if self.family_revoked_at is not None or self.expires_at <= now:
            return TokenState.DEAD
        return TokenState.GOOD if self.rotated_at is None else TokenState.REUSED


@dataclass(frozen=True, slots=True)
class NewToken:
    """A refresh token to be stored: its digest, never itself."""

    digest: bytes
    family_id: UUID
    issued_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it stops working."""
        return self.issued_at + REFRESH_LIFETIME


@dataclass(frozen=True, slots=True)
class NewFamily:
    """A session that begins: whose it is, and in which organisation."""

    id: UUID
    user_id: UUID
    org_id: UUID | None
    created_at: datetime
    method: str
    """How the person signed in: "password", "device" or "sso:" and the provider's id."""
    user_agent: str
    """What the client called itself; empty = nothing."""
    address: str
    """The client's network address; empty = not known."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that is open, as its owner sees it."""

    id: UUID
    method: str
    user_agent: str
    address: str
    org_id: UUID | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


def token_from(entropy: bytes) -> str:
    """Write ENTROPY_BYTES random bytes as a refresh token (base64url, opaque to whoever holds it)."""
    return base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def digest_of(token: str) -> bytes:
    """What is stored of a refresh token, and how it is found: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
