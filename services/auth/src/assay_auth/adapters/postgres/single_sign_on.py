"""Single sign-on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.domain.members import User
from assay_auth.domain.sso import Account, Attempt, ProvidedIdentity

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
_ACCOUNT_OF = """
    SELECT u.id, u.email_verified_at, u.deactivated_at FROM users u JOIN identities i ON i.user_id = u.id
    WHERE i.provider = $1 AND i.subject = $2
"""
_ACCOUNT_AT = "SELECT id, email_verified_at, deactivated_at FROM users WHERE email = $1"
_ADD_ACCOUNT = """
    INSERT INTO users (id, email, name, created_at, email_verified_at) VALUES ($1, $2, $3, $4, $4)
    ON CONFLICT (email) DO NOTHING
"""
_IS_INVITED = """
    SELECT EXISTS (
        SELECT FROM invitations
        WHERE email = $1 AND expires_at > $2 AND accepted_at IS NULL AND revoked_at IS NULL
    )
"""
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

    async def account_of(self, identity: ProvidedIdentity) -> Account | None:
        """The account that a provider's person was given."""
        return _account(await self.connection.fetchrow(_ACCOUNT_OF, identity.provider, identity.subject))

    async def account_at(self, email: str) -> Account | None:
        """The account with this address."""
        return _account(await self.connection.fetchrow(_ACCOUNT_AT, email))

    async def add_account(self, user: User) -> bool:
        """Add a person without a password, whose address is verified; False when the address is taken."""
        status: str = await self.connection.execute(_ADD_ACCOUNT, user.id, user.email, user.name, user.created_at)
        return status == "INSERT 0 1"

    async def is_invited(self, email: str, now: datetime) -> bool:
        """Whether some organisation has asked this address to join, and waits."""
        return bool(await self.connection.fetchval(_IS_INVITED, email, now))

    async def link(self, identity: ProvidedIdentity, user_id: UUID, at: datetime) -> bool:
        """Give a provider's person this account; False when either has another already."""
        status: str = await self.connection.execute(_LINK, identity.provider, identity.subject, user_id, at)
        return status == "INSERT 0 1"


def _account(row: asyncpg.Record | None) -> Account | None:
    return Account(row["id"], row["email_verified_at"] is not None, row["deactivated_at"] is None) if row else None
