"""Look at teams."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.pages import Page, PageRequest, page_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.members import Member
from assay_auth.domain.teams import Team
from assay_auth.domain.text import missing, refuse


@dataclass(frozen=True, slots=True)
class GetTeam:
    """Find a team of the caller's organisation."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, wanted: str) -> Team:
        """The team with this id or slug; raises InvalidArgument, TeamNotFound."""
        refuse(*missing("team", wanted))
        async with self.uow(org_id) as tx:
            return await tx.teams.get(org_id, wanted)


@dataclass(frozen=True, slots=True)
class ListTeams:
    """List the teams of the caller's organisation."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, page: PageRequest) -> Page[Team]:
        """A page of teams."""
        async with self.uow(org_id) as tx:
            rows = await tx.teams.page(org_id, page)
        return page_of(rows, page, lambda team: team.id)


@dataclass(frozen=True, slots=True)
class ListTeamMembers:
    """List who is in a team."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, wanted: str, page: PageRequest) -> Page[Member]:
        """A page of the members of the team with this id or slug; raises InvalidArgument, TeamNotFound."""
        refuse(*missing("team", wanted))
        async with self.uow(org_id) as tx:
            team = await tx.teams.get(org_id, wanted)
            rows = await tx.teams.members(org_id, team.id, page)
        return page_of(rows, page, lambda member: member.user_id)
