"""Change or delete a team."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.events import TeamDeleted, TeamUpdated
from assay_auth.domain.roles import TEAMS_WRITE
from assay_auth.domain.teams import Team
from assay_auth.domain.text import missing, refuse
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class UpdateTeam:
    """Give a team another name or description; the slug stays, since addresses hold it."""

    uow: UnitOfWork
    find_standing: FindStanding

    async def __call__(
        self,
        caller: Principal,
        org_id: UUID,
        wanted: str,
        *,
        name: str | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> Team:
        """The changed team; raises InvalidArgument, PermissionLost, TeamNotFound, EtagMismatch."""
        refuse(*missing("team", wanted))
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            (await self.find_standing(tx, caller, org_id)).require(TEAMS_WRITE)
            team = await tx.teams.get(org_id, wanted)
            ensure_unchanged(etag, team.etag)
            changed = team.changed(name, description)
            if changed is not team:
                await tx.teams.save(changed)
                await tx.record(TeamUpdated(org_id, team.id, changed.name, changed.description))
        return changed


@dataclass(frozen=True, slots=True)
class DeleteTeam:
    """Delete a team; its members stay in the organisation."""

    uow: UnitOfWork
    find_standing: FindStanding

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str, etag: str = "") -> None:
        """Delete the team; raises InvalidArgument, PermissionLost, TeamNotFound, EtagMismatch."""
        refuse(*missing("team", wanted))
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            (await self.find_standing(tx, caller, org_id)).require(TEAMS_WRITE)
            team = await tx.teams.get(org_id, wanted)
            ensure_unchanged(etag, team.etag)
            await tx.teams.remove(org_id, team.id)
            await tx.record(TeamDeleted(org_id, team.id))
