"""People."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.application.ports import Credentials
from assay_auth.domain.members import User

_ONE = "SELECT id, email, name, created_at FROM users WHERE id = $1"
_CREDENTIALS = "SELECT id, email, name, created_at, password_hash FROM users WHERE email = $1"
_ADD = """
    INSERT INTO users (id, email, name, password_hash, created_at, email_verified_at) VALUES ($1, $2, $3, $4, $5, $5)
    ON CONFLICT (email) DO NOTHING
"""
_VERIFY_EMAIL = "UPDATE users SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL"
_REPLACE_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('assay.auth.users', 0))"
_ANYBODY = "SELECT EXISTS (SELECT FROM users)"


@dataclass(frozen=True, slots=True)
class PostgresUsers:
    """The table `users`."""

    connection: asyncpg.Connection

    async def find(self, user_id: UUID) -> User | None:
        """The person with this id."""
        row = await self.connection.fetchrow(_ONE, user_id)
        return _user(row) if row else None

    async def credentials(self, email: str) -> Credentials | None:
        """The person with this address."""
        row = await self.connection.fetchrow(_CREDENTIALS, email)
        return Credentials(_user(row), row["password_hash"]) if row else None

    async def add(self, user: User, password_hash: str) -> bool:
        """Add a person; False when the address is taken."""
        status: str = await self.connection.execute(
            _ADD, user.id, user.email, user.name, password_hash, user.created_at
        )
        return status == "INSERT 0 1"

    async def verify_email(self, user_id: UUID, at: datetime) -> bool:
        """Note that a person's address is theirs."""
        status: str = await self.connection.execute(_VERIFY_EMAIL, user_id, at)
        return status == "UPDATE 1"

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> None:
        """Put a new hash in the place of `old`."""
        await self.connection.execute(_REPLACE_HASH, user_id, old, new)

    async def lock(self) -> None:
        """Hold the lock of the first person's creation."""
        await self.connection.execute(_LOCK)

    async def exist(self) -> bool:
        """Whether there is anybody."""
        return bool(await self.connection.fetchval(_ANYBODY))


def _user(row: asyncpg.Record) -> User:
    return User(row["id"], row["email"], row["name"], row["created_at"])
