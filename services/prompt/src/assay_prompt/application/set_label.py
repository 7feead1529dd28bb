"""Point labels at versions, by hand or because a gate allowed it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_prompt.application.ports import UnitOfWork
from assay_prompt.domain.prompt import Label

CONSUMER = "prompt.gates"
"""The name under which gate decisions are noted as handled."""


@dataclass(frozen=True, slots=True)
class SetLabel:
    """Point a label at a version and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, prompt: str, label: str, version: int) -> Label:
        """Raises PromptNotFound, VersionNotFound or MalformedPrompt."""
        async with self.uow(org_id) as tx:
            found = await tx.prompts.get(prompt, for_update=True)
            moved = found.set_label(label, version, at=self.clock())
            await tx.prompts.save(found)
        return moved


@dataclass(frozen=True, slots=True)
class RemoveLabel:
    """Take a label away and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, prompt: str, label: str) -> None:
        """Raises PromptNotFound or LabelNotFound."""
        async with self.uow(org_id) as tx:
            found = await tx.prompts.get(prompt, for_update=True)
            found.remove_label(label, at=self.clock())
            await tx.prompts.save(found)


@dataclass(frozen=True, slots=True)
class FollowGate:
    """Move a label because a gate allowed it; once, however often the decision is delivered."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self, org_id: UUID, event_id: UUID, decision_id: UUID, prompt: str, label: str, version: int
    ) -> None:
        """Raises PromptNotFound, VersionNotFound or MalformedPrompt."""
        async with self.uow(org_id) as tx:
            if not await tx.first_delivery(CONSUMER, event_id):
                return
            found = await tx.prompts.get(prompt, for_update=True)
            found.set_label(label, version, at=self.clock(), gate_decision_id=decision_id)
            await tx.prompts.save(found)
