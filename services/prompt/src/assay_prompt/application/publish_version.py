"""Publish a version."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_prompt.application.ports import UnitOfWork
from assay_prompt.domain.content import Content
from assay_prompt.domain.prompt import Version


@dataclass(frozen=True, slots=True)
class PublishVersion:
    """Append an immutable version to a prompt and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, prompt: str, content: Content, commit_message: str, *, by: UUID) -> Version:
        """Raises PromptNotFound, ContentUnchanged or MalformedPrompt."""
        async with self.uow(org_id) as tx:
            found = await tx.prompts.get(prompt, for_update=True)
            version = found.publish(content, commit_message, by=by, at=self.clock())
            await tx.prompts.save(found)
        return version
