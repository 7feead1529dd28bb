"""Sessions: families of refresh tokens, of which only digests are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.application.pages import PageRequest
from assay_auth.domain.sessions import NewFamily, NewToken, OpenedSession, StoredToken

_FORGET_EXPIRED_FAMILIES = "DELETE FROM refresh_families WHERE user_id = $1 AND expires_at <= $2"
_OPEN = """
    INSERT INTO refresh_families
        (id, user_id, org_id, created_at, last_used_at, expires_at, method, user_agent, address)
    VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8)
"""
_ADD = "INSERT INTO refresh_tokens (digest, family_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)"
_FOR_CHANGE = """
    SELECT t.digest, t.family_id, f.user_id, f.org_id, t.expires_at, t.rotated_at, f.revoked_at
    FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id
    WHERE t.digest = $1
    FOR UPDATE
"""
_SPEND = "UPDATE refresh_tokens SET rotated_at = $2 WHERE digest = $1"
_PROLONG = "UPDATE refresh_families SET org_id = $2, expires_at = $3, last_used_at = $4 WHERE id = $1"
_FORGET_EXPIRED_TOKENS = "DELETE FROM refresh_tokens WHERE family_id = $1 AND expires_at <= $2"
_REVOKE = "UPDATE refresh_families SET revoked_at = $2 WHERE id = $1"
_REVOKE_OF = """
    UPDATE refresh_families SET revoked_at = $2
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
        AND ($3::uuid IS NULL OR id = $3) AND ($4::uuid IS NULL OR id <> $4)
    RETURNING id
"""
_PAGE = """
    SELECT id, method, user_agent, address, org_id, created_at, last_used_at, expires_at
    FROM refresh_families
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND ($3::uuid IS NULL OR id < $3)
    ORDER BY id DESC
    LIMIT $4
"""
_ADDRESSES = "SELECT DISTINCT address FROM refresh_families WHERE user_id = $1 AND address <> ''"


@dataclass(frozen=True, slots=True)
class PostgresRefreshTokens:
    """The tables `refresh_families` and `refresh_tokens`."""

    connection: asyncpg.Connection

    async def open(self, family: NewFamily, token: NewToken) -> None:
        """Store a family with its first token, and forget the person's expired families."""
        await self.connection.execute(_FORGET_EXPIRED_FAMILIES, family.user_id, family.created_at)
        await self.connection.execute(
            _OPEN,
            family.id,
            family.user_id,
            family.org_id,
            family.created_at,
            token.expires_at,
            family.method,
            family.user_agent,
            family.address,
        )
        await self._add(token)

    async def find_for_change(self, digest: bytes) -> StoredToken | None:
        """The token with this digest; it and its family stay locked until the transaction ends."""
        row = await self.connection.fetchrow(_FOR_CHANGE, digest)
        if row is None:
            return None
        return StoredToken(
            digest=row["digest"],
            family_id=row["family_id"],
            user_id=row["user_id"],
            org_id=row["org_id"],
            expires_at=row["expires_at"],
            rotated_at=row["rotated_at"],
            family_revoked_at=row["revoked_at"],
        )

    async def rotate(self, spent: StoredToken, successor: NewToken, org_id: UUID | None) -> None:
        """Replace a token by its successor; a spent one is kept until it expires, to know it again."""
        await self.connection.execute(_SPEND, spent.digest, successor.issued_at)
        await self.connection.execute(_PROLONG, spent.family_id, org_id, successor.expires_at, successor.issued_at)
        await self.connection.execute(_FORGET_EXPIRED_TOKENS, spent.family_id, successor.issued_at)
        await self._add(successor)

    async def revoke(self, family_id: UUID, at: datetime) -> None:
        """Close a family for good."""
        await self.connection.execute(_REVOKE, family_id, at)

    async def revoke_of(
        self, user_id: UUID, at: datetime, *, only: UUID | None = None, but: UUID | None = None
    ) -> Sequence[UUID]:
        """Close a person's open sessions."""
        return [row["id"] for row in await self.connection.fetch(_REVOKE_OF, user_id, at, only, but)]

    async def page(self, user_id: UUID, page: PageRequest, now: datetime) -> Sequence[OpenedSession]:
        """A person's open sessions, newest first."""
        rows = await self.connection.fetch(_PAGE, user_id, now, page.after, page.probe)
        return [OpenedSession(**dict(row)) for row in rows]

    async def addresses_of(self, user_id: UUID) -> Sequence[str]:
        """The network addresses of a person's sessions, closed ones too as long as they are kept."""
        return [row["address"] for row in await self.connection.fetch(_ADDRESSES, user_id)]

    async def _add(self, token: NewToken) -> None:
        await self.connection.execute(_ADD, token.digest, token.family_id, token.issued_at, token.expires_at)
