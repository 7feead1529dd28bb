"""Every event of every service is counted."""

from __future__ import annotations

from dataclasses import dataclass

from assay_analytics.application.count_event import CountEvent
from assay_analytics.messages import increments_of
from assay_common.errors import InvalidArgument
from assay_common.kafka.delivery import Delivery


class EventWithoutOrganisation(InvalidArgument):
    """The event names no organisation, so there is nobody to count it for."""


@dataclass(frozen=True, slots=True)
class AllEvents:
    """Handles every `*.events` topic."""

    count_event: CountEvent

    async def __call__(self, delivery: Delivery) -> None:
        """Raises EventWithoutOrganisation, a permanent failure."""
        event = delivery.event
        if event.org_id is None:
            raise EventWithoutOrganisation(f"{event.type} {event.id} names no organisation")
        await self.count_event(event.org_id, event.id, event.type, event.time, increments_of(delivery.message))
