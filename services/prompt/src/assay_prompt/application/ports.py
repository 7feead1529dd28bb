"""What the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from assay_common.identity import Principal
from assay_prompt.domain.prompt import Prompt, Version


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event of a prompt, as a reader sees it."""

    event_id: UUID
    type: str
    position: int
    occurred_at: datetime
    actor: UUID | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VersionName:
    """A version of a prompt by number; 0 = the newest."""

    prompt_id: UUID
    number: int


class Prompts(Protocol):
    """The prompts of one organisation, and others' public ones where the transaction shows them.

    Lists and batches give what the caller may see; one prompt is given to whoever asks, and must be checked.
    """

    async def add(self, prompt: Prompt) -> None:
        """Store a new prompt with its events. Raises PromptNameTaken."""

    async def find(self, reference: str, *, for_update: bool = False) -> Prompt | None:
        """The prompt of this id or name, if there is one; locked until the transaction ends if asked."""

    async def save(self, prompt: Prompt) -> None:
        """Store what changed, with its events."""

    async def page(self, caller: Principal, *, name_prefix: str, after: UUID | None, limit: int) -> Sequence[Prompt]:
        """The prompts that the caller may see, newest first, beginning after the id given."""

    async def batch(self, caller: Principal, ids: Sequence[UUID]) -> Sequence[Prompt]:
        """Those of the prompts that the caller may see, in any order."""

    async def versions_batch(self, caller: Principal, names: Sequence[VersionName]) -> Sequence[Version]:
        """Those of the versions that the caller may see, in any order, each once."""

    async def version(self, prompt: Prompt, number: int) -> Version:
        """One version with the labels that point at it. Raises VersionNotFound."""

    async def versions(self, prompt: Prompt, *, below: int | None, limit: int) -> Sequence[Version]:
        """Versions newest first, with numbers below the one given."""

    async def history(self, prompt: Prompt, *, after: int, limit: int) -> Sequence[HistoryEntry]:
        """Events oldest first, with positions above the one given."""


class Transaction(Protocol):
    """One transaction of one organisation."""

    @property
    def prompts(self) -> Prompts:
        """The organisation's prompts."""

    async def first_delivery(self, consumer: str, event_id: UUID) -> bool:
        """Note that the event was handled; False when it had been before."""


class UnitOfWork(Protocol):
    """Opens transactions: committed at the end of the block, rolled back when it raises."""

    def __call__(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one organisation's rows only."""

    def with_public(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one organisation's rows, and reads what others have made public."""
