"""Keys that sign access tokens; the private halves are sealed before they come here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from assay_auth.domain.access import KeyMaterial, SigningKey

_COLUMNS = "id, public_key, sealed_private_key, created_at, signs_from, signs_until, verifies_until"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('assay.auth.signing_keys', 0))"
_ADD = f"INSERT INTO signing_keys ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"  # noqa: S608
_SIGNING = f"SELECT {_COLUMNS} FROM signing_keys WHERE signs_until > $1 ORDER BY signs_from, id"  # noqa: S608
_SAVE = "UPDATE signing_keys SET signs_until = $2, verifies_until = $3 WHERE id = $1"
_SEALED = f"SELECT {_COLUMNS} FROM signing_keys WHERE id > $1 ORDER BY id LIMIT $2 FOR UPDATE"  # noqa: S608
_RESEAL = "UPDATE signing_keys SET sealed_private_key = $2 WHERE id = $1"
_VERIFYING = f"SELECT {_COLUMNS} FROM signing_keys WHERE verifies_until > $1 ORDER BY created_at, id"  # noqa: S608


@dataclass(frozen=True, slots=True)
class PostgresSigningKeys:
    """The table `signing_keys`."""

    connection: asyncpg.Connection

    async def lock(self) -> None:
        """Hold the lock of making a key."""
        await self.connection.execute(_LOCK)

    async def add(self, key: SigningKey) -> None:
        """Add a key."""
        material = key.material
        await self.connection.execute(
            _ADD,
            material.id,
            material.public_key,
            material.sealed_private_key,
            key.created_at,
            key.signs_from,
            key.signs_until,
            key.verifies_until,
        )

    async def signing_after(self, now: datetime) -> Sequence[SigningKey]:
        """The keys that sign now or will."""
        return [_key(row) for row in await self.connection.fetch(_SIGNING, now)]

    async def save(self, key: SigningKey) -> None:
        """Store the end of a key's time."""
        await self.connection.execute(_SAVE, key.material.id, key.signs_until, key.verifies_until)

    async def verifying_at(self, now: datetime) -> Sequence[SigningKey]:
        """All keys whose tokens may still be good."""
        return [_key(row) for row in await self.connection.fetch(_VERIFYING, now)]

    async def sealed_after(self, key_id: str, limit: int) -> Sequence[KeyMaterial]:
        """The next keys, locked."""
        return [_key(row).material for row in await self.connection.fetch(_SEALED, key_id, limit)]

    async def reseal(self, key: KeyMaterial) -> None:
        """Store the private half as it is sealed now."""
        await self.connection.execute(_RESEAL, key.id, key.sealed_private_key)


def _key(row: asyncpg.Record) -> SigningKey:
    material = KeyMaterial(row["id"], row["public_key"], row["sealed_private_key"])
    return SigningKey(material, row["created_at"], row["signs_from"], row["signs_until"], row["verifies_until"])
