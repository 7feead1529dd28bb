"""Keys for machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from assay_auth.application.pages import PageRequest
from assay_auth.domain.api_keys import ApiKey
from assay_auth.domain.errors import ApiKeyNotFound

_COLUMNS = "id, org_id, name, prefix, scopes, created_by, created_at, expires_at, revoked_at"
_ADD = """
    INSERT INTO api_keys (id, org_id, name, prefix, scopes, created_by, created_at, expires_at, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ONE = f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1"  # noqa: S608
_BY_DIGEST = f"SELECT {_COLUMNS} FROM api_keys WHERE digest = $1"  # noqa: S608
_FOR_CHANGE = f"SELECT {_COLUMNS} FROM api_keys WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE"  # noqa: S608
_SAVE = "UPDATE api_keys SET revoked_at = $3 WHERE org_id = $1 AND id = $2"
_PAGE = f"""
    SELECT {_COLUMNS} FROM api_keys
    WHERE org_id = $1 AND ($2::uuid IS NULL OR id > $2)
    ORDER BY id
    LIMIT $3
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PostgresApiKeys:
    """The table `api_keys`."""

    connection: asyncpg.Connection

    async def add(self, key: ApiKey, digest: bytes) -> None:
        """Add a key under the digest of its secret."""
        await self.connection.execute(
            _ADD,
            key.id,
            key.org_id,
            key.name,
            key.prefix,
            key.scopes,
            key.created_by,
            key.created_at,
            key.expires_at,
            digest,
        )

    async def find(self, key_id: UUID) -> ApiKey | None:
        """The key with this id."""
        row = await self.connection.fetchrow(_ONE, key_id)
        return _key(row) if row else None

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The key whose secret has this digest."""
        row = await self.connection.fetchrow(_BY_DIGEST, digest)
        return _key(row) if row else None

    async def get_for_change(self, org_id: UUID, key_id: UUID) -> ApiKey:
        """One key, locked until the transaction ends; raises ApiKeyNotFound."""
        row = await self.connection.fetchrow(_FOR_CHANGE, org_id, key_id)
        if row is None:
            raise ApiKeyNotFound("the organisation has no such API key", api_key_id=str(key_id))
        return _key(row)

    async def save(self, key: ApiKey) -> None:
        """Store when the key was revoked; nothing else of a key changes."""
        await self.connection.execute(_SAVE, key.org_id, key.id, key.revoked_at)

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[ApiKey]:
        """Keys in the order of their ids."""
        return [_key(row) for row in await self.connection.fetch(_PAGE, org_id, page.after, page.probe)]


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        org_id=row["org_id"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=tuple(row["scopes"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
