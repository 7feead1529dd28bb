"""Hand the ownership of an organisation over."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import MemberNotFound, PersonNeeded
from assay_auth.domain.events import MemberRoleChanged, OwnershipTransferred
from assay_auth.domain.members import Member, check_transfer
from assay_auth.domain.roles import ORGANISATIONS_WRITE, Role
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.errors import Violation
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class TransferOwnership:
    """Make a member an owner and the caller an administrator: both or neither."""

    uow: UnitOfWork
    find_standing: FindStanding

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str) -> Member:
        """The new owner; raises InvalidArgument, PersonNeeded, PermissionLost, OwnershipReserved, MemberNotFound."""
        if caller.kind != "user":
            raise PersonNeeded("only a person hands the ownership over, not an API key")
        refuse(*missing("user_id", wanted))
        heir = parsed_id(wanted)
        if heir is None:
            raise MemberNotFound("the organisation has no such member")
        if heir == caller.subject:
            refuse(Violation("user_id", "must be another member than you"))
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(ORGANISATIONS_WRITE)
            check_transfer(actor)
            changes = {caller.subject: Role.ADMIN}
            if (await tx.members.get(org_id, heir)).role is not Role.OWNER:
                changes = {heir: Role.OWNER, **changes}
            for user_id, role in changes.items():
                await tx.members.change_role(org_id, user_id, role)
            await tx.record(
                OwnershipTransferred(org_id, caller.subject, heir),
                *(MemberRoleChanged(org_id, user_id, role) for user_id, role in changes.items()),
            )
            return await tx.members.get(org_id, heir)
