"""Publish a version."""

from __future__ import annotations

from dataclasses import dataclass

from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_prompt.application.find_prompt import found_to_change
from assay_prompt.application.ports import UnitOfWork
from assay_prompt.domain.content import Content
from assay_prompt.domain.prompt import Version


@dataclass(frozen=True, slots=True)
class PublishVersion:
    """Append an immutable version to a prompt and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, prompt: str, content: Content, commit_message: str) -> Version:
        """Raises PromptNotFound, PromptReadOnly, ContentUnchanged or MalformedPrompt."""
        async with found_to_change(self.uow, caller, prompt) as found:
            return found.publish(content, commit_message, by=caller.acts_for, at=self.clock())
