"""What the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

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


class Prompts(Protocol):
    """The prompts of one organisation."""

    async def add(self, prompt: Prompt) -> None:
        """Store a new prompt with its events. Raises PromptNameTaken."""

    async def get(self, reference: str, *, for_update: bool = False) -> Prompt:
        """The prompt of this id or name; locked until the transaction ends if asked. Raises PromptNotFound."""

    async def save(self, prompt: Prompt) -> None:
        """Store what changed, with its events."""

    async def page(self, *, name_prefix: str, after: UUID | None, limit: int) -> Sequence[Prompt]:
        """Prompts newest first, beginning after the id given."""

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
