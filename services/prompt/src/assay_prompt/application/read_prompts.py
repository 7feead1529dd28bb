"""Read prompts, their versions and their history. Lists return one row more than asked when there is a next page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from assay_common.errors import Violation
from assay_common.identity import Principal
from assay_prompt.application.find_prompt import found_to_read
from assay_prompt.application.ports import HistoryEntry, UnitOfWork, VersionName
from assay_prompt.domain.errors import AmbiguousReference, HistoryNotShared, PromptHasNoVersion
from assay_prompt.domain.prompt import Prompt, Version
from assay_prompt.domain.rendering import Rendering, render_all


@dataclass(frozen=True, slots=True)
class VersionReference:
    """A version of a prompt by label or by number; by neither, the newest."""

    prompt: str
    label: str = ""
    number: int = 0

    def __post_init__(self) -> None:
        if self.label and self.number:
            problem = Violation("label", "name a label or a version, not both")
            raise AmbiguousReference("which version is meant?", problem)


@dataclass(frozen=True, slots=True)
class GetPrompt:
    """One prompt by id or name."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, prompt: str) -> Prompt:
        """Raises PromptNotFound."""
        async with found_to_read(self.uow, caller, prompt) as (_, found):
            return found


@dataclass(frozen=True, slots=True)
class ListPrompts:
    """The prompts of the organisation that the caller may see, newest first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, *, name_prefix: str, after: UUID | None, size: int) -> Sequence[Prompt]:
        """Prompts whose name starts with the prefix, beginning after the id given."""
        async with self.uow(caller.tenant) as tx:
            return await tx.prompts.page(caller, name_prefix=name_prefix, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class BatchGetPrompts:
    """Many prompts at once: those that the caller may see, others' public ones included."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, ids: Sequence[UUID]) -> Sequence[Prompt]:
        """Those that were found, in any order."""
        async with self.uow.with_public(caller.tenant) as tx:
            return await tx.prompts.batch(caller, ids)


@dataclass(frozen=True, slots=True)
class BatchGetVersions:
    """Many versions at once: those that the caller may see, others' public ones included."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, names: Sequence[VersionName]) -> Sequence[Version]:
        """Those that were found, in any order."""
        async with self.uow.with_public(caller.tenant) as tx:
            return await tx.prompts.versions_batch(caller, names)


@dataclass(frozen=True, slots=True)
class ListVersions:
    """The versions of a prompt, newest first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, prompt: str, *, below: int | None, size: int) -> Sequence[Version]:
        """Raises PromptNotFound."""
        async with found_to_read(self.uow, caller, prompt) as (tx, found):
            return await tx.prompts.versions(found, below=below, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListHistory:
    """What happened to a prompt, oldest first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, prompt: str, *, after: int, size: int) -> Sequence[HistoryEntry]:
        """Raises PromptNotFound or HistoryNotShared."""
        async with found_to_read(self.uow, caller, prompt) as (tx, found):
            if found.org_id != caller.org_id:
                message = f"{found.name} is another organisation's: its versions are public, its history is not"
                raise HistoryNotShared(message, prompt=str(found.id))
            return await tx.prompts.history(found, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ResolveVersion:
    """The version that a reference stands for."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, reference: VersionReference) -> Version:
        """Raises PromptNotFound, VersionNotFound, LabelNotFound or PromptHasNoVersion."""
        return await _resolve(self.uow, caller, reference)


@dataclass(frozen=True, slots=True)
class RenderVersion:
    """A version with its variables filled in, for many sets of values."""

    uow: UnitOfWork

    async def __call__(
        self, caller: Principal, reference: VersionReference, sets: Sequence[Mapping[str, Any]]
    ) -> tuple[Version, list[Rendering]]:
        """Raises what ResolveVersion raises, and TooManyRenderings."""
        version = await _resolve(self.uow, caller, reference)
        return version, render_all(version, sets)


async def _resolve(uow: UnitOfWork, caller: Principal, reference: VersionReference) -> Version:
    async with found_to_read(uow, caller, reference.prompt) as (tx, prompt):
        return await tx.prompts.version(prompt, _number(prompt, reference))


def _number(prompt: Prompt, reference: VersionReference) -> int:
    if reference.number:
        return reference.number
    if reference.label and reference.label != "latest":
        return prompt.label(reference.label).version
    if prompt.latest_version == 0:
        raise PromptHasNoVersion(f"{prompt.name} has no version yet; publish one", prompt=prompt.name)
    return prompt.latest_version
