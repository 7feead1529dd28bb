"""List the API keys of an organisation."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.pages import Page, PageRequest, page_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.api_keys import ApiKey
from assay_auth.domain.service_accounts import service_account_id


@dataclass(frozen=True, slots=True)
class ListApiKeys:
    """List the keys of the caller's organisation, revoked ones too."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, page: PageRequest, service_account: str = "") -> Page[ApiKey]:
        """A page of keys, of one service account or all; raises ServiceAccountNotFound."""
        owner = service_account_id("service_account_id", service_account) if service_account else None
        async with self.uow(org_id) as tx:
            rows = await tx.api_keys.page(org_id, page, owner)
        return page_of(rows, page, lambda key: key.id)
