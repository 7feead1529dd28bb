"""Create a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.ids import new_id
from assay_prompt.application.ports import UnitOfWork
from assay_prompt.domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class CreatePrompt:
    """Create a prompt without versions and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, name: str, description: str, *, by: UUID) -> Prompt:
        """Raises MalformedPrompt or PromptNameTaken."""
        prompt = Prompt.create(new_id(), name, description, by=by, at=self.clock())
        async with self.uow(org_id) as tx:
            await tx.prompts.add(prompt)
        return prompt
