"""Machines that are members."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from assay_auth.application.pages import PageRequest
from assay_auth.domain.errors import ServiceAccountNameTaken, ServiceAccountNotFound
from assay_auth.domain.roles import Role
from assay_auth.domain.service_accounts import ServiceAccount

_COLUMNS = "id, org_id, name, description, role, created_by, created_at, revision"
_ADD = f"INSERT INTO service_accounts ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"  # noqa: S608
_ONE = f"SELECT {_COLUMNS} FROM service_accounts WHERE org_id = $1 AND id = $2"  # noqa: S608
_ROLE = "SELECT role FROM service_accounts WHERE org_id = $1 AND id = $2"
_SAVE = """
    UPDATE service_accounts SET name = $3, description = $4, role = $5, revision = $6 WHERE org_id = $1 AND id = $2
"""
_REMOVE = "DELETE FROM service_accounts WHERE org_id = $1 AND id = $2"
_PAGE = f"""
    SELECT {_COLUMNS} FROM service_accounts
    WHERE org_id = $1 AND ($2::uuid IS NULL OR id > $2)
    ORDER BY id
    LIMIT $3
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PostgresServiceAccounts:
    """The table `service_accounts`."""

    connection: asyncpg.Connection

    async def add(self, account: ServiceAccount) -> None:
        """Add one; raises ServiceAccountNameTaken."""
        with _names_unique(account):
            await self.connection.execute(
                _ADD,
                account.id,
                account.org_id,
                account.name,
                account.description,
                account.role.value,
                account.created_by,
                account.created_at,
                account.revision,
            )

    async def get(self, org_id: UUID, account_id: UUID) -> ServiceAccount:
        """One service account; raises ServiceAccountNotFound."""
        row = await self.connection.fetchrow(_ONE, org_id, account_id)
        if row is None:
            raise ServiceAccountNotFound(
                "the organisation has no such service account", service_account_id=str(account_id)
            )
        return _account(row)

    async def role_of(self, org_id: UUID, account_id: UUID) -> Role | None:
        """Its role, None when there is no such account."""
        role = await self.connection.fetchval(_ROLE, org_id, account_id)
        return Role(role) if role else None

    async def save(self, account: ServiceAccount) -> None:
        """Store name, description, role and revision; raises ServiceAccountNameTaken."""
        with _names_unique(account):
            await self.connection.execute(
                _SAVE,
                account.org_id,
                account.id,
                account.name,
                account.description,
                account.role.value,
                account.revision,
            )

    async def remove(self, org_id: UUID, account_id: UUID) -> None:
        """Delete one."""
        await self.connection.execute(_REMOVE, org_id, account_id)

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[ServiceAccount]:
        """Service accounts in the order of their ids."""
        return [_account(row) for row in await self.connection.fetch(_PAGE, org_id, page.after, page.probe)]


@contextmanager
def _names_unique(account: ServiceAccount) -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise ServiceAccountNameTaken(f"another service account is called {account.name}", name=account.name) from error


def _account(row: asyncpg.Record) -> ServiceAccount:
    return ServiceAccount(
        id=row["id"],
        org_id=row["org_id"],
        name=row["name"],
        description=row["description"],
        role=Role(row["role"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        revision=row["revision"],
    )
