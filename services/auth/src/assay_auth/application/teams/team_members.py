"""Who is in a team."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import MemberNotFound
from assay_auth.domain.events import TeamMemberAdded, TeamMemberRemoved
from assay_auth.domain.members import Member
from assay_auth.domain.roles import TEAMS_WRITE
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class AddTeamMember:
    """Put a member of the organisation into a team; one who is in it stays in it."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, team: str, wanted: str) -> Member:
        """The member; raises InvalidArgument, PermissionLost, TeamNotFound, MemberNotFound."""
        user_id = _member_id(team, wanted)
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            (await self.find_standing(tx, caller, org_id)).require(TEAMS_WRITE)
            team_id = (await tx.teams.get(org_id, team)).id
            member = await tx.members.get(org_id, user_id)
            if await tx.teams.add_member(org_id, team_id, user_id, self.clock()):
                await tx.record(TeamMemberAdded(org_id, team_id, user_id))
        return member


@dataclass(frozen=True, slots=True)
class RemoveTeamMember:
    """Take a member out of a team."""

    uow: UnitOfWork
    find_standing: FindStanding

    async def __call__(self, caller: Principal, org_id: UUID, team: str, wanted: str) -> None:
        """Take the member out; raises InvalidArgument, PermissionLost, TeamNotFound, MemberNotFound."""
        user_id = _member_id(team, wanted)
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            (await self.find_standing(tx, caller, org_id)).require(TEAMS_WRITE)
            team_id = (await tx.teams.get(org_id, team)).id
            if not await tx.teams.remove_member(org_id, team_id, user_id):
                raise MemberNotFound("the team has no such member", user_id=str(user_id))
            await tx.record(TeamMemberRemoved(org_id, team_id, user_id))


def _member_id(team: str, wanted: str) -> UUID:
    refuse(*missing("team", team), *missing("user_id", wanted))
    user_id = parsed_id(wanted)
    if user_id is None:
        raise MemberNotFound("the organisation has no such member")
    return user_id
