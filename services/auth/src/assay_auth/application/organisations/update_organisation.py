"""Rename an organisation."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import OrganisationNotFound
from assay_auth.domain.events import OrganisationUpdated
from assay_auth.domain.organisations import Organisation
from assay_auth.domain.roles import ORGANISATIONS_WRITE
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class UpdateOrganisation:
    """Give the caller's organisation another name; the slug stays, since addresses hold it."""

    uow: UnitOfWork
    find_standing: FindStanding

    async def __call__(self, caller: Principal, tenant: UUID, wanted: str, name: str, etag: str = "") -> Organisation:
        """The renamed organisation; raises InvalidArgument, PermissionLost, OrganisationNotFound, EtagMismatch."""
        refuse(*missing("id", wanted))
        org_id = parsed_id(wanted)
        async with self.uow(tenant) as tx:
            await tx.organisations.lock(tenant)
            actor = await self.find_standing(tx, caller, tenant)
            actor.require(ORGANISATIONS_WRITE)
            organisation = await tx.organisations.find(org_id) if org_id else None
            if organisation is None:
                raise OrganisationNotFound("there is no such organisation")
            ensure_unchanged(etag, organisation.etag)
            renamed = organisation.renamed(name)
            if renamed.name == organisation.name:
                return organisation
            await tx.organisations.save(renamed)
            await tx.record(OrganisationUpdated(tenant, renamed.name))
        return renamed
