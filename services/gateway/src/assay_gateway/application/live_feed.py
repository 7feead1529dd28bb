"""Hands the events of an organisation to those who listen, and drops who cannot keep up."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

from assay_gateway.application.metrics import LIVE_CONNECTIONS, LIVE_EVENTS, LIVE_SLOW
from assay_gateway.domain.feed import FeedEvent, may_see

QUEUE_SIZE: Final = 256
"""Events that may wait for one listener."""


class SlowReader(Exception):
    """The listener did not take its events in time; some are lost to it."""


class Subscription:
    """One listener's queue."""

    def __init__(self, org_id: UUID, subject: UUID, permissions: AbstractSet[str]) -> None:
        self.org_id = org_id
        self.subject = subject
        self.permissions = permissions
        self.revoked = asyncio.Event()
        """Set when the listener's key was revoked, or the listener was removed from the organisation."""
        self.overflowed = asyncio.Event()
        """Set when an event had to be dropped."""
        self._queue: asyncio.Queue[FeedEvent] = asyncio.Queue(QUEUE_SIZE)

    def offer(self, event: FeedEvent) -> None:
        """Put an event into the queue, or mark the listener as too slow."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            if not self.overflowed.is_set():
                LIVE_SLOW.inc()
            self.overflowed.set()

    async def next(self) -> FeedEvent:
        """The next event; raises SlowReader once one was dropped."""
        if self.overflowed.is_set():
            raise SlowReader
        return await self._queue.get()


class LiveFeed:
    """Everybody who listens on this replica."""

    def __init__(self) -> None:
        self._listeners: dict[UUID, set[Subscription]] = {}

    def subscribe(self, org_id: UUID, subject: UUID, permissions: AbstractSet[str]) -> Subscription:
        """Begin to listen; end it with `unsubscribe`."""
        subscription = Subscription(org_id, subject, permissions)
        self._listeners.setdefault(org_id, set()).add(subscription)
        LIVE_CONNECTIONS.inc()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Listen no longer."""
        listeners = self._listeners.get(subscription.org_id)
        if listeners is None or subscription not in listeners:
            return
        listeners.remove(subscription)
        if not listeners:
            del self._listeners[subscription.org_id]
        LIVE_CONNECTIONS.dec()

    def revoke(self, org_id: UUID, subject: UUID) -> None:
        """A user or an API key may listen to this organisation no longer."""
        for subscription in self._listeners.get(org_id, ()):
            if subscription.subject == subject:
                subscription.revoked.set()

    def has_listeners(self, org_id: UUID) -> bool:
        """Whether an event of this organisation is worth being written out."""
        return org_id in self._listeners

    def publish(self, event: FeedEvent) -> None:
        """Hand an event to everybody who may see it; never waits."""
        for subscription in self._listeners.get(event.org_id, ()):
            if may_see(event, subscription.org_id, subscription.permissions):
                subscription.offer(event)
                LIVE_EVENTS.inc()
