"""List the caller's organisations."""

from dataclasses import dataclass

from assay_auth.application.pages import Page, PageRequest, page_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.organisations import Organisation
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class ListOrganisations:
    """List what a person is a member of, or where an API key belongs."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, page: PageRequest) -> Page[Organisation]:
        """A page of organisations."""
        async with self.uow.system() as tx:
            rows = await tx.organisations.of_subject(caller.subject, page)
        return page_of(rows, page, lambda organisation: organisation.id)
