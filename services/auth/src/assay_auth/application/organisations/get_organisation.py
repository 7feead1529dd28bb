"""Show an organisation."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.errors import OrganisationNotFound
from assay_auth.domain.organisations import Organisation
from assay_auth.domain.text import missing, parsed_id, refuse


@dataclass(frozen=True, slots=True)
class GetOrganisation:
    """Find an organisation by its id, among those that the caller's tenant can see: itself."""

    uow: UnitOfWork

    async def __call__(self, tenant: UUID, wanted: str) -> Organisation:
        """The organisation; raises InvalidArgument, OrganisationNotFound."""
        refuse(*missing("id", wanted))
        org_id = parsed_id(wanted)
        async with self.uow(tenant) as tx:
            organisation = await tx.organisations.find(org_id) if org_id else None
        if organisation is None:
            raise OrganisationNotFound("there is no such organisation")
        return organisation
