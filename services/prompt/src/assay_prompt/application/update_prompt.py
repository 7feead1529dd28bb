"""Change a prompt's description or visibility."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from assay_common.clock import Clock
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal
from assay_common.visibility import Visibility
from assay_prompt.application.find_prompt import found_to_change
from assay_prompt.application.ports import UnitOfWork
from assay_prompt.domain.access import ensure_may_update
from assay_prompt.domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class UpdatePrompt:
    """Change what is given of a prompt, and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self, caller: Principal, prompt: str, *, description: str | None, visibility: Visibility | None, etag: str
    ) -> Prompt:
        """Raises PromptNotFound, PromptReadOnly, VisibilityNotAllowed, EtagMismatch or MalformedPrompt."""
        rule = partial(ensure_may_update, description=description, visibility=visibility)
        async with found_to_change(self.uow, caller, prompt, rule) as found:
            ensure_unchanged(etag, found.etag)
            found.update(description=description, visibility=visibility, at=self.clock())
            return found
