"""Create a team."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.events import TeamCreated
from assay_auth.domain.roles import TEAMS_WRITE
from assay_auth.domain.teams import Team, new_team
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class CreateTeam:
    """Create a team without members."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, slug: str, name: str, description: str) -> Team:
        """The team; raises InvalidArgument, PermissionLost, TeamSlugTaken."""
        team = new_team(new_id(), org_id, slug, name, description, self.clock())
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            (await self.find_standing(tx, caller, org_id)).require(TEAMS_WRITE)
            await tx.teams.add(team)
            await tx.record(TeamCreated(org_id, team.id, team.slug, team.name))
        return team
