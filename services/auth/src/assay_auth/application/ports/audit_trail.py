"""The audit trail."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.audit_trail import ActorKind, Entry, Link


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are meant; None and empty do not limit."""

    actor: UUID | None = None
    action: str = ""
    """The start of the action's name."""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None


class AuditTrail(Protocol):
    """One chain of entries for each organisation."""

    async def end_for_append(self, org_id: UUID) -> Link:
        """The chain's end; nobody else appends to it until the transaction ends."""

    async def has(self, org_id: UUID, fact_id: UUID) -> bool:
        """Whether the chain holds this fact."""

    async def append(self, entry: Entry) -> None:
        """Add an entry and move the end."""

    async def end(self, org_id: UUID) -> Link:
        """The chain's end as it was noted; its start when there is none."""

    async def page(self, org_id: UUID, wanted: EntryFilter, before: int | None, limit: int) -> Sequence[Entry]:
        """Entries with sequences below `before`, newest first."""

    def all(self, org_id: UUID, wanted: EntryFilter) -> AsyncIterator[Entry]:
        """All entries, oldest first, read a piece at a time."""

    async def kind_of(self, actor: UUID) -> ActorKind:
        """What sort of somebody this is."""
