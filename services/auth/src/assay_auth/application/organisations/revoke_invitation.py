"""Take an invitation back."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import InvitationNotFound
from assay_auth.domain.events import InvitationRevoked
from assay_auth.domain.invitations import Invitation
from assay_auth.domain.roles import MEMBERS_WRITE
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class RevokeInvitation:
    """Make an open invitation's link worthless; doing it twice changes nothing more."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str) -> Invitation:
        """The invitation; raises InvalidArgument, PermissionLost, InvitationNotFound, InvitationNotOpen if accepted."""
        refuse(*missing("id", wanted))
        invitation_id = parsed_id(wanted)
        if invitation_id is None:
            raise InvitationNotFound("the organisation has no such invitation")
        async with self.uow(org_id) as tx:
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(MEMBERS_WRITE)
            invitation = await tx.invitations.get_for_change(org_id, invitation_id)
            revoked = invitation.revoked(self.clock())
            if revoked is not invitation:
                await tx.invitations.save(revoked)
                await tx.record(InvitationRevoked(org_id, invitation.id))
        return revoked
