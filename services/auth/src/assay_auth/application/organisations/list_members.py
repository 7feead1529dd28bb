"""List the members of an organisation."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.pages import Page, PageRequest, page_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.members import Member


@dataclass(frozen=True, slots=True)
class ListMembers:
    """List who is in the caller's organisation."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, page: PageRequest) -> Page[Member]:
        """A page of members."""
        async with self.uow(org_id) as tx:
            rows = await tx.members.page(org_id, page)
        return page_of(rows, page, lambda member: member.user_id)
