"""Look at service accounts."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.pages import Page, PageRequest, page_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.service_accounts import ServiceAccount, service_account_id


@dataclass(frozen=True, slots=True)
class GetServiceAccount:
    """Find a service account of the caller's organisation."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, wanted: str) -> ServiceAccount:
        """The service account; raises InvalidArgument, ServiceAccountNotFound."""
        account_id = service_account_id("id", wanted)
        async with self.uow(org_id) as tx:
            return await tx.service_accounts.get(org_id, account_id)


@dataclass(frozen=True, slots=True)
class ListServiceAccounts:
    """List the service accounts of the caller's organisation."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, page: PageRequest) -> Page[ServiceAccount]:
        """A page of service accounts."""
        async with self.uow(org_id) as tx:
            rows = await tx.service_accounts.page(org_id, page)
        return page_of(rows, page, lambda account: account.id)
