"""Change or delete a service account."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.events import ApiKeyRevoked, ServiceAccountDeleted, ServiceAccountUpdated
from assay_auth.domain.roles import SERVICE_ACCOUNTS_WRITE, Role
from assay_auth.domain.service_accounts import ServiceAccount, service_account_id
from assay_common.clock import Clock
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class UpdateServiceAccount:
    """Change name, description or role; its keys have the new role from their next exchange on."""

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
        role: Role | None = None,
        etag: str = "",
    ) -> ServiceAccount:
        """The changed service account.

        Raises InvalidArgument, PermissionLost, RoleExceedsCreator, ServiceAccountNotFound, ServiceAccountNameTaken,
        EtagMismatch.
        """
        account_id = service_account_id("id", wanted)
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(SERVICE_ACCOUNTS_WRITE)
            account = await tx.service_accounts.get(org_id, account_id)
            ensure_unchanged(etag, account.etag)
            changed = account.changed(actor, name=name, description=description, role=role)
            if changed is not account:
                await tx.service_accounts.save(changed)
                await tx.record(ServiceAccountUpdated(org_id, account_id, changed.name, changed.role))
        return changed


@dataclass(frozen=True, slots=True)
class DeleteServiceAccount:
    """Delete a service account and revoke its keys, both or neither."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str, etag: str = "") -> None:
        """Delete it; raises InvalidArgument, PermissionLost, ServiceAccountNotFound, EtagMismatch."""
        account_id = service_account_id("id", wanted)
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            (await self.find_standing(tx, caller, org_id)).require(SERVICE_ACCOUNTS_WRITE)
            account = await tx.service_accounts.get(org_id, account_id)
            ensure_unchanged(etag, account.etag)
            keys = await tx.api_keys.revoke_of(account_id, self.clock(), org_id)
            await tx.service_accounts.remove(org_id, account_id)
            await tx.record(*(ApiKeyRevoked(org_id, key.id) for key in keys), ServiceAccountDeleted(org_id, account_id))
