"""Read what was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from assay_analytics.application.ports import UnitOfWork
from assay_analytics.domain.counters import Bucket, Counts, ModelUsage
from assay_analytics.domain.span import Granularity, Span


@dataclass(frozen=True, slots=True)
class Summary:
    """Totals over a span."""

    span: Span
    counts: Counts
    models: Sequence[ModelUsage]


@dataclass(frozen=True, slots=True)
class GetSummary:
    """The organisation's totals in a span of time."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, span: Span) -> Summary:
        """Sums, and the usage of each model."""
        async with self.uow(org_id) as tx:
            return Summary(span, await tx.roll_ups.totals(span), await tx.roll_ups.models(span))


@dataclass(frozen=True, slots=True)
class ListUsage:
    """The organisation's usage per hour or day."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, span: Span, granularity: Granularity) -> Sequence[Bucket]:
        """The buckets in which something happened, oldest first."""
        async with self.uow(org_id) as tx:
            return await tx.roll_ups.buckets(span, granularity)


@dataclass(frozen=True, slots=True)
class ListEventCounts:
    """How many events of each type were counted."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, span: Span) -> Mapping[str, int]:
        """Counts by the event's full name."""
        async with self.uow(org_id) as tx:
            return await tx.roll_ups.event_counts(span)
