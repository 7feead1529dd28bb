"""What the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_analytics.domain.counters import Bucket, Counts, Increments, ModelUsage
from assay_analytics.domain.span import Granularity, Span


class RollUps(Protocol):
    """One organisation's sums per hour."""

    async def add(self, hour: datetime, event_type: str, increments: Increments) -> None:
        """Add what one event brings."""

    async def totals(self, span: Span) -> Counts:
        """The sums over the span."""

    async def models(self, span: Span) -> Sequence[ModelUsage]:
        """The usage of each model over the span, the most used first."""

    async def buckets(self, span: Span, granularity: Granularity) -> Sequence[Bucket]:
        """The sums of each hour or day in which something happened, oldest first."""

    async def event_counts(self, span: Span) -> Mapping[str, int]:
        """How many events of each type there were, by full name, sorted."""


class Transaction(Protocol):
    """One transaction of one organisation."""

    @property
    def roll_ups(self) -> RollUps:
        """The organisation's sums."""

    async def first_delivery(self, consumer: str, event_id: UUID) -> bool:
        """Note that the event was counted; False when it had been before."""


class UnitOfWork(Protocol):
    """Opens transactions: committed at the end of the block, rolled back when it raises."""

    def __call__(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one organisation's rows only."""
