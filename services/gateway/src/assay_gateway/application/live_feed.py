"""Hands the events of an organisation to those who listen, tells who comes back what they missed, and drops who cannot
keep up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from assay_common.identity import Principal
from assay_gateway.application.metrics import LIVE_CONNECTIONS, LIVE_EVENTS, LIVE_GAPS, LIVE_RESUMED, LIVE_SLOW
from assay_gateway.domain.cursor import Cursor
from assay_gateway.domain.feed import FeedEvent, Place, Told, Wanted, may_see
from assay_gateway.domain.recent import Recent, Shelf

QUEUE_SIZE: Final = 256
"""Messages that may wait for one listener."""
AHEAD_SECONDS: Final = 10.0
"""How long a listener may be ahead of this replica, having heard of events from another; a replica that has not read
them by then never will, because the events that the listener speaks of exist no longer."""


class Ending(Enum):
    """Why a listener is told nothing more."""

    TOO_SLOW = "too_slow"
    REVOKED = "revoked"
    GOING_AWAY = "going_away"


class ListeningEnded(Exception):
    """The listener is told nothing more."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.value)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Gap:
    """Events may have been missed, and cannot be told any more; the listener stands at `cursor` now."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing has happened that the listener wants to hear of; the listener stands at `cursor` now."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to something that the listener has said."""

    text: str


Message = Told | Gap | Pause | Reply


class Subscription:
    """One listener: what waits for them, and what they have heard.

    `news` is called when something waits; who is called takes until there is nothing left. `ended` is called once, when
    the listener is to be told nothing more. Neither may block, nor call back.
    """

    def __init__(
        self,
        feed: LiveFeed,
        caller: Principal,
        wanted: Wanted,
        begins_at: Cursor,
        *,
        news: Callable[[], None],
        ended: Callable[[Ending], None],
    ) -> None:
        self.caller = caller
        self.wanted = wanted
        self.begins_at = begins_at
        """Where the listener stands before anything is told."""
        self.ending: Ending | None = None
        self._feed = feed
        self._news = news
        self._ended = ended
        self._queue: deque[Message] = deque()
        self._replayed: int | None = None
        """While the past is being told: the number, on the organisation's shelf, of what comes next."""
        self._shelf: Shelf | None = None
        self._heard: Cursor | None = None
        """What was heard before, until this replica has got as far."""
        self._heard_at = 0.0

    @property
    def cursor(self) -> Cursor:
        """Where the listener stands when all that waits has been told."""
        return self._feed.cursor if self._heard is None else self._feed.cursor.merged(self._heard)

    def resume(self, after: Cursor, shelf: Shelf, now: float) -> None:
        """Tell first what came since, as far as the listener has not heard it."""
        self._heard, self._heard_at = after, now
        self._shelf, self._replayed = shelf, shelf.first

    def take(self) -> Message | None:
        """What the listener is to be told next; None = nothing for now."""
        while self._replayed is not None:
            told = self._next_of_the_past()
            if told is not None:
                return told
        if self._queue:
            message = self._queue.popleft()
            return self._as_heard(message) if isinstance(message, Told) else message
        return None

    def offer(self, told: Told) -> None:
        """Something has happened."""
        if self._replayed is not None:
            self._news()  # It stands on the shelf, where the past is told from.
        elif self._wants(told):
            self._put(told)

    def pause(self, now: float) -> None:
        """Some time has passed; who has something waiting hears of that instead."""
        if self._queue or self._replayed is not None:
            return
        self._forget_heard(self._feed.cursor)
        if self._heard is not None and now - self._heard_at > AHEAD_SECONDS:
            self._heard = None
            self.lose()
        else:
            self._put(Pause(self.cursor))

    def lose(self) -> None:
        """Events were lost to this replica, or to this listener."""
        LIVE_GAPS.inc()
        self._replayed = None
        self._put(Gap(self.cursor))

    def reply(self, text: str) -> None:
        """Answer the listener, in turn with the events."""
        self._put(Reply(text))

    def end(self, ending: Ending) -> None:
        """Tell nothing more."""
        if self.ending is None:
            self.ending = ending
            self._queue.clear()
            self._replayed = None
            if ending is Ending.TOO_SLOW:
                LIVE_SLOW.inc()
            self._ended(ending)

    def _put(self, message: Message) -> None:
        if self.ending is not None:
            return
        if len(self._queue) >= QUEUE_SIZE:
            self.end(Ending.TOO_SLOW)
            return
        self._queue.append(message)
        self._news()

    def _next_of_the_past(self) -> Told | None:
        """The next on the shelf that the listener wants; None at its end, where the present begins."""
        shelf, number = self._shelf, self._replayed
        if shelf is None or number is None:
            return None
        if number < shelf.first:
            self.end(Ending.TOO_SLOW)  # What should be told next is no longer there.
            return None
        while number < shelf.end:
            told = shelf.get(number)
            number += 1
            if self._wants(told):
                self._replayed = number
                return self._as_heard(told)
        self._replayed = self._shelf = None
        return None

    def _wants(self, told: Told) -> bool:
        event, place = told.event, told.event.place
        if self._heard is not None and self._heard.has_seen(place.topic, place.partition, place.offset):
            return False
        return event.type in self.wanted and may_see(event, self.caller)

    def _as_heard(self, told: Told) -> Told:
        """The event as this listener has to remember it: beside it, they have heard what another replica told."""
        LIVE_EVENTS.inc()
        self._forget_heard(told.cursor)
        return told if self._heard is None else Told(told.event, told.cursor.merged(self._heard))

    def _forget_heard(self, cursor: Cursor) -> None:
        if self._heard is not None and self._replayed is None and cursor.reaches(self._heard):
            self._heard = None


class LiveFeed:
    """Everybody who listens on this replica, and the events of the last while.

    A listener who comes back, to any replica, says where they stood (`Cursor`) and is told the rest, each event once,
    in the order of its key. Who was away for longer than the memory reaches is told so (`Gap`).
    """

    def __init__(self, *, seconds: float, max_bytes: int, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._recent = Recent(seconds=seconds, max_bytes=max_bytes)
        self._listeners: dict[UUID, set[Subscription]] = {}
        self._by_person: dict[UUID, set[Subscription]] = {}
        self._closing = False
        self.cursor = Cursor()
        """How far this replica has read."""

    def subscribe(
        self,
        caller: Principal,
        wanted: Wanted,
        after: Cursor | None = None,
        *,
        news: Callable[[], None],
        ended: Callable[[Ending], None],
    ) -> Subscription:
        """Begin to listen, with what came after a cursor; end it with `unsubscribe`.

        Raises OrganisationNotChosen (PermissionDenied) when the caller acts in no organisation.
        """
        org_id = caller.tenant
        subscription = Subscription(
            self, caller, wanted, self.cursor if after is None else after, news=news, ended=ended
        )
        now = self._steady()
        self._recent.expire(now)  # Nobody's shelf is taken away here, for this one may be about to be read.
        self._listeners.setdefault(org_id, set()).add(subscription)
        for person in _persons(caller):
            self._by_person.setdefault(person, set()).add(subscription)
        LIVE_CONNECTIONS.inc()
        if self._closing:
            subscription.end(Ending.GOING_AWAY)
        elif after is not None and after.reaches(self._recent.since):
            LIVE_RESUMED.inc()
            subscription.resume(after, self._recent.shelf(org_id), now)
        elif after is not None:
            subscription.lose()
        return subscription

    async def messages(self, caller: Principal, wanted: Wanted, after: Cursor | None = None) -> AsyncIterator[Message]:
        """What a listener is told, for one who waits for it. Raises ListeningEnded when they may hear no more."""
        news = asyncio.Event()
        subscription = self.subscribe(caller, wanted, after, news=news.set, ended=lambda _ending: news.set())
        try:
            while subscription.ending is None:
                while (message := subscription.take()) is not None:
                    yield message
                await news.wait()
                news.clear()
            raise ListeningEnded(subscription.ending)
        finally:
            self.unsubscribe(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Listen no longer."""
        caller = subscription.caller
        if not _discard(self._listeners, caller.tenant, subscription):
            return
        if caller.tenant not in self._listeners:
            self._recent.remove_if_empty(caller.tenant)
        for person in _persons(caller):
            _discard(self._by_person, person, subscription)
        LIVE_CONNECTIONS.dec()

    def begin(self, topic: int, partition: int, position: int) -> None:
        """This replica reads a partition from here on, and knows nothing of what was before."""
        self.cursor = self.cursor.moved(topic, partition, position)
        self._recent.begin(topic, partition, position)

    def publish(self, event: FeedEvent) -> None:
        """Keep an event, and hand it to everybody who may see it; never waits."""
        self.advance(event.place)
        told = Told(event, self.cursor)
        for emptied in self._recent.add(told, self._steady()):
            if emptied not in self._listeners:
                self._recent.remove_if_empty(emptied)
        for subscription in tuple(self._listeners.get(event.org_id, ())):
            subscription.offer(told)

    def advance(self, place: Place) -> None:
        """This replica has read as far as this event."""
        self.cursor = self.cursor.moved(place.topic, place.partition, place.offset + 1)

    def lose(self, topic: int, partition: int, position: int) -> None:
        """A partition goes on here, and what was before is lost: everybody who listens is told."""
        self.cursor = self.cursor.moved(topic, partition, position)
        for subscription in self._all():
            subscription.lose()
        self._recent.clear(self.cursor)

    def revoke(self, person: UUID, meant: Callable[[Principal], bool] = lambda _caller: True) -> None:
        """A person, a service account or a key may listen no longer, in those of their roles that are meant."""
        for subscription in tuple(self._by_person.get(person, ())):
            if meant(subscription.caller):
                subscription.end(Ending.REVOKED)

    def close(self) -> None:
        """This replica goes away: everybody is sent off, and nobody is let in any more."""
        self._closing = True
        for subscription in self._all():
            subscription.end(Ending.GOING_AWAY)

    def _all(self) -> Iterable[Subscription]:
        return [subscription for listeners in self._listeners.values() for subscription in listeners]


def _persons(caller: Principal) -> set[UUID]:
    return {caller.subject, caller.acts_for}


def _discard(sets: dict[UUID, set[Subscription]], key: UUID, subscription: Subscription) -> bool:
    members = sets.get(key)
    if members is None or subscription not in members:
        return False
    members.remove(subscription)
    if not members:
        del sets[key]
    return True
