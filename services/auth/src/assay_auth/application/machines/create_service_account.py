"""Create a service account."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.events import ServiceAccountCreated
from assay_auth.domain.roles import SERVICE_ACCOUNTS_WRITE, Role
from assay_auth.domain.service_accounts import ServiceAccount, check_service_account
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class CreateServiceAccount:
    """Create a machine that may do no more than whoever creates it."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(
        self, caller: Principal, org_id: UUID, name: str, description: str, role: Role
    ) -> ServiceAccount:
        """The service account; raises InvalidArgument, PermissionLost, RoleExceedsCreator, ServiceAccountNameTaken."""
        account = ServiceAccount(new_id(), org_id, name.strip(), description, role, caller.subject, self.clock())
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(SERVICE_ACCOUNTS_WRITE)
            check_service_account(actor, account)
            await tx.service_accounts.add(account)
            await tx.record(ServiceAccountCreated(org_id, account.id, account.name, role))
        return account
