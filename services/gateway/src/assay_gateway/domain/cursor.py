"""Where a listener stands in the events: how far each partition of each topic was read, in a form that travels."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Final

from assay_common.errors import InvalidArgument, Violation

MAX_CHARS: Final = 8192
"""Of a cursor as text; one of thousands of partitions is shorter."""

_VERSION: Final = 1
_MAX_POSITION: Final = 2**63


class MalformedCursor(InvalidArgument):
    """What a client sent as the id of the last event it has is none of ours."""

    def __init__(self) -> None:
        problem = "not the id of an event of this feed"
        super().__init__(problem, Violation("after", problem))


@dataclass(frozen=True)
class Cursor:
    """For each topic, in an order that all replicas share, the next offset of each partition.

    Replicas read the partitions in different interleavings, so one number says nothing to another replica; this vector
    does: whatever lies before it was seen, whatever does not was not.
    """

    positions: tuple[tuple[int, ...], ...] = ()

    def at(self, topic: int, partition: int) -> int:
        """The next offset of a partition; 0 for one that is not known."""
        known = self.positions[topic] if topic < len(self.positions) else ()
        return known[partition] if partition < len(known) else 0

    def has_seen(self, topic: int, partition: int, offset: int) -> bool:
        """Whether that record lies before."""
        return offset < self.at(topic, partition)

    def moved(self, topic: int, partition: int, position: int) -> Cursor:
        """The cursor with another position of one partition."""
        topics = list(self.positions) + [()] * (topic + 1 - len(self.positions))
        partitions = list(topics[topic])
        partitions += [0] * (partition + 1 - len(partitions))
        partitions[partition] = position
        topics[topic] = tuple(partitions)
        return Cursor(tuple(topics))

    def merged(self, other: Cursor) -> Cursor:
        """What one of both has seen."""
        if self.reaches(other):
            return self
        pairs = zip_longest(self.positions, other.positions, fillvalue=())
        return Cursor(tuple(tuple(map(max, zip_longest(one, two, fillvalue=0))) for one, two in pairs))

    def reaches(self, other: Cursor) -> bool:
        """Whether all that the other has seen was seen here."""
        pairs = zip_longest(self.positions, other.positions, fillvalue=())
        return all(one >= two for both in pairs for one, two in zip_longest(*both, fillvalue=0))

    @cached_property
    def text(self) -> str:
        """As text that is safe in addresses and headers."""
        packed = bytearray([_VERSION])
        for partitions in self.positions:
            _write(packed, len(partitions))
            for position in partitions:
                _write(packed, position)
        return urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Read it back; raises MalformedCursor."""
        if len(text) > MAX_CHARS or not text.isascii():
            raise MalformedCursor
        try:
            packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError as error:
            raise MalformedCursor from error
        if not packed or packed[0] != _VERSION or urlsafe_b64encode(packed).rstrip(b"=").decode() != text:
            raise MalformedCursor
        return cls(_topics(_read_all(packed[1:])))


def _write(packed: bytearray, number: int) -> None:
    """As a variable-length integer (LEB128): seven bits a byte, the lowest first."""
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)


def _read_all(packed: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if number >= _MAX_POSITION or shift > 70:
            raise MalformedCursor
        if byte < 0x80:
            numbers.append(number)
            number, shift = 0, 0
    if shift:
        raise MalformedCursor
    return numbers


def _topics(numbers: list[int]) -> tuple[tuple[int, ...], ...]:
    topics, start = [], 0
    while start < len(numbers):
        end = start + 1 + numbers[start]
        if end > len(numbers):
            raise MalformedCursor
        topics.append(tuple(numbers[start + 1 : end]))
        start = end
    return tuple(topics)
