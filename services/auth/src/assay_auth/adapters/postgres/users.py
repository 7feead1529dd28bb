"""People."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.application.ports import Credentials
from assay_auth.domain.members import User

_ONE = "SELECT id, email, name, created_at FROM users WHERE id = $1 AND deactivated_at IS NULL"
_COLUMNS = "id, email, name, created_at, password_hash, email_verified_at, deactivated_at, revision"
_CREDENTIALS = f"SELECT {_COLUMNS} FROM users WHERE email = $1"  # noqa: S608
_FOR_CHANGE = f"SELECT {_COLUMNS} FROM users WHERE id = $1 FOR NO KEY UPDATE"  # noqa: S608
_ADD = """
    INSERT INTO users (id, email, name, password_hash, created_at, email_verified_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (email) DO NOTHING
"""
_VERIFY_EMAIL = (
    "UPDATE users SET email_verified_at = $2, revision = revision + 1 WHERE id = $1 AND email_verified_at IS NULL"
)
_REPLACE_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"
_SET_HASH = "UPDATE users SET password_hash = $2, revision = revision + 1 WHERE id = $1"
_RENAME = "UPDATE users SET name = $2, revision = revision + 1 WHERE id = $1"
_DEACTIVATE = "UPDATE users SET deactivated_at = $2, revision = revision + 1 WHERE id = $1"
_FORGET_UNVERIFIED = "DELETE FROM users WHERE email_verified_at IS NULL AND created_at < $1"
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
        return _credentials(row) if row else None

    async def credentials_for_change(self, user_id: UUID) -> Credentials | None:
        """The person with this id, locked until the transaction ends."""
        row = await self.connection.fetchrow(_FOR_CHANGE, user_id)
        return _credentials(row) if row else None

    async def add(self, user: User, password_hash: str | None, *, is_verified: bool = True) -> bool:
        """Add a person; False when the address is taken."""
        verified_at = user.created_at if is_verified else None
        status: str = await self.connection.execute(
            _ADD, user.id, user.email, user.name, password_hash, user.created_at, verified_at
        )
        return status == "INSERT 0 1"

    async def verify_email(self, user_id: UUID, at: datetime) -> bool:
        """Note that a person's address is theirs."""
        status: str = await self.connection.execute(_VERIFY_EMAIL, user_id, at)
        return status == "UPDATE 1"

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> None:
        """Put a new hash in the place of `old`."""
        await self.connection.execute(_REPLACE_HASH, user_id, old, new)

    async def set_hash(self, user_id: UUID, password_hash: str) -> None:
        """Give a person another password."""
        await self.connection.execute(_SET_HASH, user_id, password_hash)

    async def rename(self, user_id: UUID, name: str) -> None:
        """Give a person another name."""
        await self.connection.execute(_RENAME, user_id, name)

    async def deactivate(self, user_id: UUID, at: datetime) -> None:
        """Close an account."""
        await self.connection.execute(_DEACTIVATE, user_id, at)

    async def forget_unverified(self, created_before: datetime) -> None:
        """Delete accounts whose address nobody verified in time."""
        await self.connection.execute(_FORGET_UNVERIFIED, created_before)

    async def lock(self) -> None:
        """Hold the lock of the first person's creation."""
        await self.connection.execute(_LOCK)

    async def exist(self) -> bool:
        """Whether there is anybody."""
        return bool(await self.connection.fetchval(_ANYBODY))


def _user(row: asyncpg.Record) -> User:
    return User(row["id"], row["email"], row["name"], row["created_at"])


def _credentials(row: asyncpg.Record) -> Credentials:
    verified, active = row["email_verified_at"] is not None, row["deactivated_at"] is None
    return Credentials(_user(row), row["password_hash"], verified, active, row["revision"])
