"""Groups of members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.adapters.postgres.members import member_from
from assay_auth.application.pages import PageRequest
from assay_auth.domain.errors import TeamNotFound, TeamSlugTaken
from assay_auth.domain.members import Member
from assay_auth.domain.teams import Team
from assay_auth.domain.text import parsed_id

_ADD = """
    INSERT INTO teams (org_id, id, slug, name, description, created_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_TEAM = """
    SELECT id, org_id, slug, name, description, created_at, revision,
           (SELECT count(*) FROM team_members m WHERE m.team_id = teams.id) AS member_count
    FROM teams
"""
_ONE = f"{_TEAM} WHERE org_id = $1 AND (id = $2 OR slug = $3)"
_PAGE = f"{_TEAM} WHERE org_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3"
_SAVE = "UPDATE teams SET name = $3, description = $4, revision = $5 WHERE org_id = $1 AND id = $2"
_REMOVE = "DELETE FROM teams WHERE org_id = $1 AND id = $2"
_EXISTING = "SELECT id FROM teams WHERE org_id = $1 AND id = ANY ($2) ORDER BY id"
_REVISE = "UPDATE teams SET revision = revision + 1 WHERE org_id = $1 AND id = $2"
_ADD_MEMBER = """
    INSERT INTO team_members (org_id, team_id, user_id, joined_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_REMOVE_MEMBER = "DELETE FROM team_members WHERE org_id = $1 AND team_id = $2 AND user_id = $3"
_OF_MEMBER = "SELECT team_id FROM team_members WHERE org_id = $1 AND user_id = $2 ORDER BY team_id"
_MEMBERS = """
    SELECT m.user_id, u.email, u.name, m.role, m.joined_at, m.revision
    FROM team_members t JOIN memberships m USING (org_id, user_id) JOIN users u ON u.id = m.user_id
    WHERE t.org_id = $1 AND t.team_id = $2 AND ($3::uuid IS NULL OR m.user_id > $3)
    ORDER BY m.user_id
    LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class PostgresTeams:
    """The tables `teams` and `team_members`."""

    connection: asyncpg.Connection

    async def add(self, team: Team) -> None:
        """Add one; raises TeamSlugTaken."""
        try:
            await self.connection.execute(
                _ADD, team.org_id, team.id, team.slug, team.name, team.description, team.created_at, team.revision
            )
        except asyncpg.UniqueViolationError as error:
            raise TeamSlugTaken(f"another team has the slug {team.slug}", slug=team.slug) from error

    async def get(self, org_id: UUID, wanted: str) -> Team:
        """The team with this id or slug; raises TeamNotFound."""
        # No text of PostgreSQL holds the character 0, and a slug looks like no id.
        slug = wanted.replace("\x00", "")
        row = await self.connection.fetchrow(_ONE, org_id, parsed_id(wanted), slug)
        if row is None or slug != wanted:
            raise TeamNotFound("the organisation has no such team", team=slug)
        return _team(row)

    async def save(self, team: Team) -> None:
        """Store name, description and revision."""
        await self.connection.execute(_SAVE, team.org_id, team.id, team.name, team.description, team.revision)

    async def remove(self, org_id: UUID, team_id: UUID) -> None:
        """Delete one."""
        await self.connection.execute(_REMOVE, org_id, team_id)

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[Team]:
        """Teams in the order of their ids."""
        return [_team(row) for row in await self.connection.fetch(_PAGE, org_id, page.after, page.probe)]

    async def existing(self, org_id: UUID, team_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Those of the ids that are teams' still."""
        return [row["id"] for row in await self.connection.fetch(_EXISTING, org_id, team_ids)]

    async def of_member(self, org_id: UUID, user_id: UUID) -> Sequence[UUID]:
        """The teams a member is in."""
        return [row["team_id"] for row in await self.connection.fetch(_OF_MEMBER, org_id, user_id)]

    async def add_member(self, org_id: UUID, team_id: UUID, user_id: UUID, at: datetime) -> bool:
        """Add a member of the organisation; False for one who is in the team already."""
        status: str = await self.connection.execute(_ADD_MEMBER, org_id, team_id, user_id, at)
        return await self._revised(status == "INSERT 0 1", org_id, team_id)

    async def remove_member(self, org_id: UUID, team_id: UUID, user_id: UUID) -> bool:
        """Take a member out; False for one who is not in the team."""
        status: str = await self.connection.execute(_REMOVE_MEMBER, org_id, team_id, user_id)
        return await self._revised(status == "DELETE 1", org_id, team_id)

    async def _revised(self, changed: bool, org_id: UUID, team_id: UUID) -> bool:
        if changed:
            await self.connection.execute(_REVISE, org_id, team_id)
        return changed

    async def members(self, org_id: UUID, team_id: UUID, page: PageRequest) -> Sequence[Member]:
        """The team's members in the order of their ids."""
        rows = await self.connection.fetch(_MEMBERS, org_id, team_id, page.after, page.probe)
        return [member_from(row) for row in rows]


def _team(row: asyncpg.Record) -> Team:
    return Team(
        id=row["id"],
        org_id=row["org_id"],
        slug=row["slug"],
        name=row["name"],
        description=row["description"],
        created_at=row["created_at"],
        member_count=row["member_count"],
        revision=row["revision"],
    )
