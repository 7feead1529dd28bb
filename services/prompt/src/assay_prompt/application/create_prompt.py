"""Create a prompt."""

from __future__ import annotations

from dataclasses import dataclass

from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id
from assay_common.visibility import Visibility
from assay_prompt.application.ports import UnitOfWork
from assay_prompt.domain.access import ensure_may_create
from assay_prompt.domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class CreatePrompt:
    """Create a prompt without versions and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, name: str, description: str, visibility: Visibility) -> Prompt:
        """Raises MalformedPrompt, PromptNameTaken, PromptOutsideKey or VisibilityNotAllowed."""
        prompt = Prompt.create(
            new_id(), caller.tenant, name, description, visibility=visibility, by=caller.acts_for, at=self.clock()
        )
        ensure_may_create(prompt, caller)
        async with self.uow(caller.tenant) as tx:
            await tx.prompts.add(prompt)
        return prompt
