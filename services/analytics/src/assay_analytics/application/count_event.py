"""Count an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assay_analytics.application.ports import UnitOfWork
from assay_analytics.domain.counters import Increments
from assay_analytics.domain.span import hour_of

CONSUMER = "analytics"


@dataclass(frozen=True, slots=True)
class CountEvent:
    """Add an event to the sums of its hour; once, however often it is delivered."""

    uow: UnitOfWork

    async def __call__(
        self, org_id: UUID, event_id: UUID, event_type: str, at: datetime, increments: Increments
    ) -> None:
        """`at` is when it happened, not when it arrived: a late event counts where it belongs."""
        async with self.uow(org_id) as tx:
            if await tx.first_delivery(CONSUMER, event_id):
                await tx.roll_ups.add(hour_of(at), event_type, increments)
