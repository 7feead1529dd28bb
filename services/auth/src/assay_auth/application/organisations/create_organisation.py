"""Found an organisation."""

from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.errors import PersonNeeded
from assay_auth.domain.events import MemberAdded, OrganisationCreated
from assay_auth.domain.organisations import Organisation, found_organisation
from assay_auth.domain.roles import Role
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class CreateOrganisation:
    """Create an organisation with its first owner: the person who asks."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, slug: str, name: str) -> Organisation:
        """The new organisation; raises PersonNeeded, InvalidArgument, SlugTaken, SubjectUnknown."""
        if caller.kind != "user":
            raise PersonNeeded("an organisation needs a person as its owner, not an API key")
        organisation = found_organisation(new_id(), slug, name, self.clock())
        async with self.uow(organisation.id) as tx:
            await tx.organisations.add(organisation)
            await tx.members.add(organisation.id, caller.subject, Role.OWNER, organisation.created_at)
            await tx.record(
                OrganisationCreated(organisation.id, organisation.slug, organisation.name, caller.subject),
                MemberAdded(organisation.id, caller.subject, Role.OWNER),
            )
        return organisation
