"""People in organisations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.application.pages import PageRequest
from assay_auth.domain.errors import AlreadyMember, MemberNotFound, SubjectUnknown
from assay_auth.domain.members import Member
from assay_auth.domain.organisations import Membership
from assay_auth.domain.roles import Role

_ADD = "INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)"
_ONE = """
    SELECT m.user_id, u.email, u.name, m.role, m.joined_at, m.revision
    FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.org_id = $1 AND m.user_id = $2
"""
_PAGE = """
    SELECT m.user_id, u.email, u.name, m.role, m.joined_at, m.revision
    FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.org_id = $1 AND ($2::uuid IS NULL OR m.user_id > $2)
    ORDER BY m.user_id
    LIMIT $3
"""
_ROLE = "SELECT role FROM memberships WHERE org_id = $1 AND user_id = $2"
_OF_USER = """
    SELECT m.org_id, o.slug, m.role
    FROM memberships m JOIN organisations o USING (org_id)
    WHERE m.user_id = $1
    ORDER BY m.org_id
"""
_OWNERS = "SELECT count(*) FROM memberships WHERE org_id = $1 AND role = 'owner'"
_CHANGE_ROLE = "UPDATE memberships SET role = $3, revision = revision + 1 WHERE org_id = $1 AND user_id = $2"
_REMOVE = "DELETE FROM memberships WHERE org_id = $1 AND user_id = $2"


@dataclass(frozen=True, slots=True)
class PostgresMembers:
    """The table `memberships`."""

    connection: asyncpg.Connection

    async def add(self, org_id: UUID, user_id: UUID, role: Role, joined_at: datetime) -> None:
        """Add one; raises AlreadyMember, and SubjectUnknown when there is no such person."""
        try:
            await self.connection.execute(_ADD, org_id, user_id, role.value, joined_at)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyMember("this person is a member already", user_id=str(user_id)) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise SubjectUnknown("the token speaks for nobody who is known here") from error

    async def get(self, org_id: UUID, user_id: UUID) -> Member:
        """One member; raises MemberNotFound."""
        row = await self.connection.fetchrow(_ONE, org_id, user_id)
        if row is None:
            raise MemberNotFound("the organisation has no such member", user_id=str(user_id))
        return member_from(row)

    async def role_of(self, org_id: UUID, user_id: UUID) -> Role | None:
        """The person's role, None when they are no member."""
        role = await self.connection.fetchval(_ROLE, org_id, user_id)
        return Role(role) if role else None

    async def memberships_of(self, user_id: UUID) -> Sequence[Membership]:
        """All organisations of a person."""
        rows = await self.connection.fetch(_OF_USER, user_id)
        return [Membership(row["org_id"], row["slug"], Role(row["role"])) for row in rows]

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[Member]:
        """Members in the order of their ids."""
        return [member_from(row) for row in await self.connection.fetch(_PAGE, org_id, page.after, page.probe)]

    async def count_owners(self, org_id: UUID) -> int:
        """How many owners the organisation has."""
        return int(await self.connection.fetchval(_OWNERS, org_id))

    async def change_role(self, org_id: UUID, user_id: UUID, role: Role) -> None:
        """Give a member another role: a new revision."""
        await self.connection.execute(_CHANGE_ROLE, org_id, user_id, role.value)

    async def remove(self, org_id: UUID, user_id: UUID) -> None:
        """Remove a member."""
        await self.connection.execute(_REMOVE, org_id, user_id)


def member_from(row: asyncpg.Record) -> Member:
    """A member, of a row of memberships joined to people."""
    return Member(row["user_id"], row["email"], row["name"], Role(row["role"]), row["joined_at"], row["revision"])
