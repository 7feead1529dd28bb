"""Keys for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.application.pages import PageRequest
from assay_auth.domain.api_keys import ApiKey, KeyOwner, Limits
from assay_auth.domain.errors import ApiKeyNotFound, ApiKeyRotated

_ROTATED_ONCE = "api_keys_rotated_from_key"
_COLUMNS = """
    id, org_id, name, prefix, scopes, created_by, created_at, owner_id, owner_kind, prompts, repositories,
    expires_at, revoked_at, last_used_at, rotated_from
"""
_ADD = """
    INSERT INTO api_keys (id, org_id, name, prefix, scopes, created_by, created_at, owner_id, owner_kind, prompts,
        repositories, expires_at, rotated_from, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_ONE = f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1"  # noqa: S608
_BY_DIGEST = f"SELECT {_COLUMNS} FROM api_keys WHERE digest = $1"  # noqa: S608
_FOR_CHANGE = f"SELECT {_COLUMNS} FROM api_keys WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE"  # noqa: S608
_SAVE = "UPDATE api_keys SET revoked_at = $3, expires_at = $4 WHERE org_id = $1 AND id = $2"
_REVOKE_OF = f"""
    UPDATE api_keys SET revoked_at = $2
    WHERE owner_id = $1 AND ($3::uuid IS NULL OR org_id = $3) AND revoked_at IS NULL
    RETURNING {_COLUMNS}
"""  # noqa: S608
_NOTE_USES = """
    UPDATE api_keys SET last_used_at = greatest(last_used_at, use.at)
    FROM unnest($1::uuid[], $2::timestamptz[]) AS use (id, at)
    WHERE api_keys.id = use.id
"""
_PAGE = f"""
    SELECT {_COLUMNS} FROM api_keys
    WHERE org_id = $1 AND ($2::uuid IS NULL OR id > $2) AND ($4::uuid IS NULL OR owner_id = $4)
    ORDER BY id
    LIMIT $3
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PostgresApiKeys:
    """The table `api_keys`."""

    connection: asyncpg.Connection

    async def add(self, key: ApiKey, digest: bytes) -> None:
        """Add a key under the digest of its secret; raises ApiKeyRotated when it replaces one that was replaced."""
        try:
            await self.connection.execute(
                _ADD,
                key.id,
                key.org_id,
                key.name,
                key.prefix,
                key.scopes,
                key.created_by,
                key.created_at,
                key.owner.id,
                key.owner.kind,
                key.limits.prompts,
                key.limits.repositories,
                key.expires_at,
                key.rotated_from,
                digest,
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != _ROTATED_ONCE:
                raise
            raise ApiKeyRotated("this key was replaced before: rotate its replacement") from error

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
        """Store when the key ends and when it was revoked; nothing else of a key changes."""
        await self.connection.execute(_SAVE, key.org_id, key.id, key.revoked_at, key.expires_at)

    async def page(self, org_id: UUID, page: PageRequest, owner: UUID | None = None) -> Sequence[ApiKey]:
        """Keys in the order of their ids."""
        return [_key(row) for row in await self.connection.fetch(_PAGE, org_id, page.after, page.probe, owner)]

    async def revoke_of(self, owner: UUID, at: datetime, org_id: UUID | None = None) -> Sequence[ApiKey]:
        """Revoke what somebody has."""
        return [_key(row) for row in await self.connection.fetch(_REVOKE_OF, owner, at, org_id)]

    async def note_uses(self, uses: Mapping[UUID, datetime]) -> None:
        """Store when keys were last used."""
        await self.connection.execute(_NOTE_USES, list(uses), list(uses.values()))


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        org_id=row["org_id"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=tuple(row["scopes"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        owner=KeyOwner(row["owner_id"], row["owner_kind"]),
        limits=Limits(tuple(row["prompts"]), tuple(row["repositories"])),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        rotated_from=row["rotated_from"],
    )
