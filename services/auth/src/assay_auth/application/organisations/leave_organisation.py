"""Leave an organisation."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.organisations.end_membership import end_membership
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.errors import PersonNeeded
from assay_auth.domain.members import check_leaving
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class LeaveOrganisation:
    """End the caller's own membership; an owner remains in any case."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID) -> None:
        """Leave; raises PersonNeeded, MemberNotFound, LastOwner."""
        if caller.kind != "user":
            raise PersonNeeded("an API key cannot leave an organisation: revoke it")
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            member = await tx.members.get(org_id, caller.subject)
            check_leaving(member, await tx.members.count_owners(org_id))
            await end_membership(tx, org_id, caller.subject, self.clock())
