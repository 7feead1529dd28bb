"""Count anew what the topics still hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from assay_analytics.domain.span import hour_of
from assay_common.errors import FailedPrecondition, InvalidArgument

HOUR = timedelta(hours=1)


class Stream(Protocol):
    """What every `*.events` topic still holds, and how far this service has counted."""

    async def ensure_idle(self) -> None:
        """Raise StillCounting while a process counts."""

    async def lost_before(self) -> datetime | None:
        """Events that happened before this may be gone from the topics; None = every event is still there."""

    def events_since(self, start: datetime) -> AsyncIterator[Sequence[UUID]]:
        """The ids of the events that happened at `start` or later, in batches."""

    async def rewind(self) -> None:
        """Let the next process that counts begin at the oldest event there is; raises StillCounting."""


class Counted(Protocol):
    """What was counted, held still: nobody else counts while the transaction is open."""

    async def forget_all(self) -> None:
        """Forget every sum, and that any event was counted."""

    async def forget_since(self, start: datetime) -> None:
        """Forget the sums of this hour and all later ones."""

    async def forget_events(self, event_ids: Sequence[UUID]) -> None:
        """Forget that these events were counted."""


class Hold(Protocol):
    """Opens the one transaction of a replay."""

    def __call__(self) -> AbstractAsyncContextManager[Counted]:
        """Committed at the end of the block, rolled back when it raises."""


class StillCounting(FailedPrecondition):
    """A process of this service counts: sums would be forgotten beside it."""


class BeginningGone(FailedPrecondition):
    """The topics do not hold all events of the time that was asked for any more."""


class NotAWholeHour(InvalidArgument):
    """Sums are per hour, so a replay begins at a whole hour."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Forget what was counted and rewind the topics: the service then counts the events again, each once.

    May be killed anywhere and run again. The rewound offsets come first and the transaction after them; a rewind
    whose transaction was rolled back changes nothing, because every event is still known as counted.
    """

    hold: Hold
    stream: Stream

    async def __call__(self, start: datetime | None) -> None:
        """Count anew from this hour on, or (None) everything; sums before it stay.

        Raises NotAWholeHour, StillCounting, BeginningGone.
        """
        if start is not None and start != hour_of(start):
            raise NotAWholeHour(f"{start.isoformat()} is no whole hour: {hour_of(start).isoformat()} is one")
        async with self.hold() as counted:
            await self.stream.ensure_idle()
            await self._ensure_held(start)
            if start is None:
                await counted.forget_all()
            else:
                await counted.forget_since(start)
                async for event_ids in self.stream.events_since(start):
                    await counted.forget_events(event_ids)
            await self.stream.rewind()

    async def _ensure_held(self, start: datetime | None) -> None:
        lost_before = await self.stream.lost_before()
        if lost_before is None:
            return
        first = hour_of(lost_before) if lost_before == hour_of(lost_before) else hour_of(lost_before) + HOUR
        if start is None or start < first:
            raise BeginningGone(
                f"Kafka holds every event since {first.isoformat()} only: replay from there, and keep the sums before",
                first_hour=first.isoformat(),
            )
