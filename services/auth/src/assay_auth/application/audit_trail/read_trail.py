"""Read an organisation's audit trail: a page of it, all of it, and whether it is whole."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import EntryFilter, UnitOfWork
from assay_auth.domain.audit_trail import ChainCheck, Entry, Verification


@dataclass(frozen=True, slots=True)
class ListEntries:
    """List entries, newest first."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, wanted: EntryFilter, before: int | None, limit: int) -> Sequence[Entry]:
        """At most `limit` entries with sequences below `before`."""
        async with self.uow(org_id) as tx:
            return await tx.audit_trail.page(org_id, wanted, before, limit)


@dataclass(frozen=True, slots=True)
class ExportEntries:
    """Read all entries, oldest first, as they were when the reading began."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, wanted: EntryFilter) -> AsyncIterator[Entry]:
        """The entries, read a piece at a time."""
        async with self.uow(org_id) as tx:
            async for entry in tx.audit_trail.all(org_id, wanted):
                yield entry


@dataclass(frozen=True, slots=True)
class VerifyTrail:
    """Compute the chain anew."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID) -> Verification:
        """What is wrong with the chain, if anything is."""
        check = ChainCheck()
        async with self.uow(org_id) as tx:
            # The end is read first: what is appended meanwhile makes the chain longer than it, and is no fault.
            head = await tx.audit_trail.end(org_id)
            async for entry in tx.audit_trail.all(org_id, EntryFilter()):
                if entry.sequence <= head.sequence:
                    check.take(entry)
        return check.result(head)
