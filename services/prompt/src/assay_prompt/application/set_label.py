"""Point labels at versions, by hand or because a gate allowed it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal
from assay_prompt.application.find_prompt import found_to_change, not_found
from assay_prompt.application.ports import UnitOfWork
from assay_prompt.domain.prompt import Label

CONSUMER = "prompt.gates"
"""The name under which gate decisions are noted as handled."""


@dataclass(frozen=True, slots=True)
class SetLabel:
    """Point a label at a version and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, prompt: str, label: str, version: int, *, etag: str) -> Label:
        """Raises PromptNotFound, PromptReadOnly, EtagMismatch, VersionNotFound or MalformedPrompt.

        A label that is not there yet has no etag, so that whoever names one is told that it is gone.
        """
        async with found_to_change(self.uow, caller, prompt) as found:
            current = found.labels.get(label)
            ensure_unchanged(etag, current.etag if current else "")
            return found.set_label(label, version, at=self.clock())


@dataclass(frozen=True, slots=True)
class RemoveLabel:
    """Take a label away and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, prompt: str, label: str, *, etag: str) -> None:
        """Raises PromptNotFound, PromptReadOnly, LabelNotFound or EtagMismatch."""
        async with found_to_change(self.uow, caller, prompt) as found:
            ensure_unchanged(etag, found.label(label).etag)
            found.remove_label(label, at=self.clock())


@dataclass(frozen=True, slots=True)
class FollowGate:
    """Move a label because a gate allowed it; once, however often the decision is delivered.

    Who may decide a gate was asked where it was decided.
    """

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self, org_id: UUID, event_id: UUID, decision_id: UUID, prompt: str, label: str, version: int
    ) -> None:
        """Raises PromptNotFound, VersionNotFound or MalformedPrompt."""
        async with self.uow(org_id) as tx:
            if not await tx.first_delivery(CONSUMER, event_id):
                return
            found = await tx.prompts.find(prompt, for_update=True)
            if found is None:
                raise not_found(prompt)
            found.set_label(label, version, at=self.clock(), gate_decision_id=decision_id)
            await tx.prompts.save(found)
