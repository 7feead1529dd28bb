"""Put what happened into the audit trails of the organisations it concerns."""

from dataclasses import dataclass, replace
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.audit_trail import Fact, appended


@dataclass(frozen=True, slots=True)
class RecordFact:
    """Append a fact once, however often it is told.

    What a person does that belongs to no organisation (signing in, a new password) is in the trail of every
    organisation that the person is a member of at that time.
    """

    uow: UnitOfWork

    async def in_organisation(self, org_id: UUID, fact: Fact) -> None:
        """Append what was done in an organisation."""
        await self._append([org_id], fact)

    async def of_person(self, user_id: UUID, fact: Fact) -> None:
        """Append what a person did outside of organisations."""
        async with self.uow.system() as tx:
            memberships = await tx.members.memberships_of(user_id)
        await self._append(sorted(membership.org_id for membership in memberships), fact)

    async def _append(self, organisations: list[UUID], fact: Fact) -> None:
        async with self.uow.system() as tx:
            if fact.actor is not None:
                fact = replace(fact, actor_kind=await tx.audit_trail.kind_of(fact.actor))
            for org_id in organisations:
                end = await tx.audit_trail.end_for_append(org_id)
                if not await tx.audit_trail.has(org_id, fact.id):
                    await tx.audit_trail.append(appended(org_id, end, fact))
