"""The events of the last while, so that who was away for a moment can be told what they missed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from assay_gateway.domain.cursor import Cursor
from assay_gateway.domain.feed import Told


@dataclass(slots=True)
class Shelf:
    """What is kept of one organisation, in the order in which it came, numbered from 0 since this replica started."""

    first: int = 0
    """Number of the oldest that is still here."""
    entries: deque[Told] = field(default_factory=deque)

    @property
    def end(self) -> int:
        """Number of the next to come."""
        return self.first + len(self.entries)

    def get(self, number: int) -> Told:
        """The entry of this number, which must be between `first` and `end`."""
        return self.entries[number - self.first]


class Recent:
    """A bounded memory of events: the oldest go first, of whichever organisation.

    `since` is how far back it reaches: all that came at or after this place of its partition is here.
    """

    def __init__(self, *, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._bytes = 0
        self._order: deque[tuple[float, Told]] = deque()
        self._shelves: dict[UUID, Shelf] = {}
        self.since = Cursor()

    def shelf(self, org_id: UUID) -> Shelf:
        """What is kept of an organisation; the shelf stays the same object for as long as somebody holds on to it."""
        return self._shelves.setdefault(org_id, Shelf())

    def begin(self, topic: int, partition: int, position: int) -> None:
        """From here on everything of this partition comes; nothing before is known."""
        self.since = self.since.moved(topic, partition, position)

    def clear(self, since: Cursor) -> None:
        """Forget everything: from here on everything comes."""
        while self._order:
            self._drop_oldest()
        self.since = since

    def add(self, told: Told, now: float) -> list[UUID]:
        """Keep an event. What has become too old or too much is dropped; says whose shelves are empty now."""
        self.shelf(told.event.org_id).entries.append(told)
        self._order.append((now, told))
        self._bytes += told.event.size
        return self.expire(now)

    def expire(self, now: float) -> list[UUID]:
        """Drop what is too old or too much; says whose shelves are empty now."""
        emptied = []
        while self._order and (self._order[0][0] <= now - self._seconds or self._bytes > self._max_bytes):
            org_id = self._drop_oldest()
            if not self._shelves[org_id].entries:
                emptied.append(org_id)
        return emptied

    def remove_if_empty(self, org_id: UUID) -> None:
        """Take an empty shelf away, which nobody may hold on to."""
        shelf = self._shelves.get(org_id)
        if shelf is not None and not shelf.entries:
            del self._shelves[org_id]

    def _drop_oldest(self) -> UUID:
        _, oldest = self._order.popleft()
        event, place = oldest.event, oldest.event.place
        self._bytes -= event.size
        self.since = self.since.moved(place.topic, place.partition, place.offset + 1)
        shelf = self._shelves[event.org_id]
        shelf.entries.popleft()
        shelf.first += 1
        return event.org_id
