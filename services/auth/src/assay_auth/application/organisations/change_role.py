"""Give a member another role."""

from dataclasses import dataclass, replace
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import MemberNotFound
from assay_auth.domain.events import MemberRoleChanged
from assay_auth.domain.members import Member, check_role_change
from assay_auth.domain.roles import MEMBERS_WRITE, Role
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class ChangeRole:
    """Change what a member may do; an owner remains in any case."""

    uow: UnitOfWork
    find_standing: FindStanding

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str, role: Role, etag: str = "") -> Member:
        """The member in the new role.

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
            if member.role is role:
                return member
            check_role_change(actor, member, role, await tx.members.count_owners(org_id))
            await tx.members.change_role(org_id, user_id, role)
            await tx.record(MemberRoleChanged(org_id, user_id, role))
        return replace(member, role=role, revision=member.revision + 1)
