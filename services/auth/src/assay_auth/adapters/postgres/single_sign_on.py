"""Single sign-on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.domain.sso import Attempt, ProvidedIdentity

_FORGET = "DELETE FROM sign_on_attempts WHERE expires_at <= $1"
_ADD = """
    INSERT INTO sign_on_attempts
        (state_digest, binding_digest, provider, redirect_uri, return_to, nonce, code_verifier, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_TAKE = """
    DELETE FROM sign_on_attempts WHERE state_digest = $1
    RETURNING state_digest, binding_digest, provider, redirect_uri, return_to, nonce, code_verifier, expires_at
"""
_USER_OF = "SELECT user_id FROM identities WHERE provider = $1 AND subject = $2"
_LINK = """
    INSERT INTO identities (provider, subject, user_id, linked_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class PostgresSignOnAttempts:
    """The table `sign_on_attempts`."""

    connection: asyncpg.Connection

    async def add(self, attempt: Attempt, now: datetime) -> None:
        """Keep an attempt, and forget those that are too old."""
        await self.connection.execute(_FORGET, now)
        await self.connection.execute(
            _ADD,
            attempt.state_digest,
            attempt.binding_digest,
            attempt.provider,
            attempt.redirect_uri,
            attempt.return_to,
            attempt.nonce,
            attempt.code_verifier,
            attempt.expires_at,
        )

    async def take(self, state_digest: bytes) -> Attempt | None:
        """The attempt of this state, which is deleted."""
        row = await self.connection.fetchrow(_TAKE, state_digest)
        return Attempt(**dict(row)) if row else None


@dataclass(frozen=True, slots=True)
class PostgresIdentities:
    """The table `identities`."""

    connection: asyncpg.Connection

    async def user_of(self, identity: ProvidedIdentity) -> UUID | None:
        """The account that a provider's person was given."""
        found: UUID | None = await self.connection.fetchval(_USER_OF, identity.provider, identity.subject)
        return found

    async def link(self, identity: ProvidedIdentity, user_id: UUID, at: datetime) -> bool:
        """Give a provider's person this account; False when either has another already."""
        status: str = await self.connection.execute(_LINK, identity.provider, identity.subject, user_id, at)
        return status == "INSERT 0 1"
