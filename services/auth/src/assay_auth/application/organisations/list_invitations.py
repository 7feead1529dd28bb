"""List the invitations of an organisation."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.pages import Page, PageRequest, page_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.invitations import Invitation, InvitationStatus
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class ListInvitations:
    """List who was asked to join the caller's organisation, newest first."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self, org_id: UUID, page: PageRequest, status: InvitationStatus | None = None
    ) -> Page[Invitation]:
        """A page of invitations; those of one status, or all."""
        async with self.uow(org_id) as tx:
            rows = await tx.invitations.page(org_id, page, status, self.clock())
        return page_of(rows, page, lambda invitation: invitation.id)
