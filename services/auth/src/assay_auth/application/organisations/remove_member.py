"""Remove a member from an organisation."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.organisations.end_membership import end_membership
from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import MemberNotFound
from assay_auth.domain.members import check_removal
from assay_auth.domain.roles import MEMBERS_WRITE
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.clock import Clock
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """End a membership. The person's sessions lose the organisation when they are next renewed; keys are revoked."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str, etag: str = "") -> None:
        """Remove the member.

        Raises InvalidArgument, PermissionLost, MemberNotFound, EtagMismatch, OwnershipReserved, LastOwner.
        """
        refuse(*missing("user_id", wanted))
        user_id = parsed_id(wanted)
        if user_id is None:
            raise MemberNotFound("the organisation has no such member")
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(MEMBERS_WRITE)
            member = await tx.members.get(org_id, user_id)
            ensure_unchanged(etag, member.etag)
            check_removal(actor, member, await tx.members.count_owners(org_id))
            await end_membership(tx, org_id, user_id, self.clock())
