"""Read prompts, their versions and their history. Lists return one row more than asked when there is a next page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from assay_common.errors import Violation
from assay_prompt.application.ports import HistoryEntry, Transaction, UnitOfWork
from assay_prompt.domain.errors import AmbiguousReference, PromptHasNoVersion
from assay_prompt.domain.prompt import Prompt, Version, no_label
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

    async def __call__(self, org_id: UUID, prompt: str) -> Prompt:
        """Raises PromptNotFound."""
        async with self.uow(org_id) as tx:
            return await tx.prompts.get(prompt)


@dataclass(frozen=True, slots=True)
class ListPrompts:
    """The organisation's prompts, newest first."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, *, name_prefix: str, after: UUID | None, size: int) -> Sequence[Prompt]:
        """Prompts whose name starts with the prefix, beginning after the id given."""
        async with self.uow(org_id) as tx:
            return await tx.prompts.page(name_prefix=name_prefix, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListVersions:
    """The versions of a prompt, newest first."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, prompt: str, *, below: int | None, size: int) -> Sequence[Version]:
        """Raises PromptNotFound."""
        async with self.uow(org_id) as tx:
            found = await tx.prompts.get(prompt)
            return await tx.prompts.versions(found, below=below, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListHistory:
    """What happened to a prompt, oldest first."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, prompt: str, *, after: int, size: int) -> Sequence[HistoryEntry]:
        """Raises PromptNotFound."""
        async with self.uow(org_id) as tx:
            found = await tx.prompts.get(prompt)
            return await tx.prompts.history(found, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ResolveVersion:
    """The version that a reference stands for."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, reference: VersionReference) -> Version:
        """Raises PromptNotFound, VersionNotFound, LabelNotFound or PromptHasNoVersion."""
        async with self.uow(org_id) as tx:
            return await _resolve(tx, reference)


@dataclass(frozen=True, slots=True)
class RenderVersion:
    """A version with its variables filled in, for many sets of values."""

    uow: UnitOfWork

    async def __call__(
        self, org_id: UUID, reference: VersionReference, sets: Sequence[Mapping[str, Any]]
    ) -> tuple[Version, list[Rendering]]:
        """Raises what ResolveVersion raises, and TooManyRenderings."""
        async with self.uow(org_id) as tx:
            version = await _resolve(tx, reference)
        return version, render_all(version, sets)


async def _resolve(tx: Transaction, reference: VersionReference) -> Version:
    prompt = await tx.prompts.get(reference.prompt)
    return await tx.prompts.version(prompt, _number(prompt, reference))


def _number(prompt: Prompt, reference: VersionReference) -> int:
    if reference.number:
        return reference.number
    if reference.label and reference.label != "latest":
        label = prompt.labels.get(reference.label)
        if label is None:
            raise no_label(prompt.name, reference.label)
        return label.version
    if prompt.latest_version == 0:
        raise PromptHasNoVersion(f"{prompt.name} has no version yet; publish one", prompt=prompt.name)
    return prompt.latest_version
