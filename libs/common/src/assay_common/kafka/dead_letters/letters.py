"""What lies in the dead-letter topics, and how a letter gets to its consumer once more.

A note in the same topic says which letters were handed over, so that nobody does it twice; should the note be lost
(the tool is killed between the two), the consumer's inbox knows the event.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from assay_common.errors import FailedPrecondition, NotFound
from assay_common.kafka.dead_letters.burial import PREFIX
from assay_common.kafka.headers import ADDRESSEE
from assay_common.kafka.producer import Producer
from assay_common.kafka.reading import partitions_of, reader, until_end
from assay_common.settings import KafkaSettings
from assay_protos.topic import Topic

_NOTE: Final = f"{PREFIX}handed_over_offset"


class LetterNotFound(NotFound):
    """There is no dead letter at this place, or not any more."""


class LetterHandedOverBefore(FailedPrecondition):
    """The letter was handed over before."""


class OriginalGone(FailedPrecondition):
    """The letter was too large to be kept whole, and the topic does not hold its original any more."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that a consumer group could not handle."""

    topic: str
    """Where it came from, without the installation's namespace."""
    offset: int
    """Its place in the dead-letter topic: with the topic, its name."""
    buried_at: datetime
    group: str
    reason: str
    error_type: str
    attempts: int
    source_partition: int
    source_offset: int
    key: bytes | None = field(repr=False)
    value: bytes = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    """As they were before the message was put aside."""
    is_whole: bool = True
    """False: the value was too large, and is to be had from the source only."""
    handed_over_at: datetime | None = None

    @property
    def type(self) -> str:
        """Full name of the message, as far as the headers tell."""
        return dict(self.headers).get("ce_type", b"?").decode(errors="replace")


async def read_letters(settings: KafkaSettings, topics: Iterable[Topic]) -> list[Letter]:
    """Every letter of these topics, oldest first per topic; a topic that does not exist has none.

    Raises Unavailable.
    """
    letters: list[Letter] = []
    async with reader(settings) as consumer:
        for topic in topics:
            # These topics have one partition, so that an offset is a name.
            partitions = await partitions_of(settings, [settings.qualified(topic.dead_letters)])
            beginnings = await consumer.beginning_offsets(partitions) if partitions else {}
            letters += _letters(topic.name, [record async for record in until_end(consumer, beginnings)])
    return letters


def chosen(letters: Sequence[Letter], offsets: Sequence[int]) -> list[Letter]:
    """The letters of one topic at these offsets; raises LetterNotFound."""
    by_offset = {letter.offset: letter for letter in letters}
    if missing := [str(offset) for offset in offsets if offset not in by_offset]:
        raise LetterNotFound(f"no dead letter at {', '.join(missing)}: `list --all` shows what there is")
    return [by_offset[offset] for offset in offsets]


async def hand_over(settings: KafkaSettings, producer: Producer, letter: Letter, *, again: bool = False) -> None:
    """Give a letter to its consumer group once more, behind whatever waits for the group already.

    No other group handles it. If it fails again, it becomes a new letter.

    Raises:
        LetterHandedOverBefore: unless `again` is true.
        OriginalGone: there is nothing to hand over.
        KafkaError: Kafka is away; the letter may have been handed over without being noted.
    """
    if letter.handed_over_at is not None and not again:
        raise LetterHandedOverBefore(
            f"{letter.topic} {letter.offset} was handed over at {letter.handed_over_at.isoformat()}: "
            "--again does it again"
        )
    value = letter.value if letter.is_whole else await _original(settings, letter)
    headers = [*letter.headers, (ADDRESSEE, letter.group.encode())]
    await producer.send_and_wait(letter.topic, value, key=letter.key, headers=headers)
    await producer.send_and_wait(f"{letter.topic}.dlq", b"", headers=[(_NOTE, str(letter.offset).encode())])


def _letters(topic: str, records: Sequence[ConsumerRecord]) -> list[Letter]:
    notes = {int(note): record for record in records if (note := dict(record.headers).get(_NOTE)) is not None}
    return [_letter(topic, record, notes.get(record.offset)) for record in records if _NOTE not in dict(record.headers)]


def _letter(topic: str, record: ConsumerRecord, note: ConsumerRecord | None) -> Letter:
    why = {name.removeprefix(PREFIX): value.decode(errors="replace") for name, value in record.headers if value}
    return Letter(
        topic=topic,
        offset=record.offset,
        buried_at=_time(record),
        group=why.get("consumer_group", ""),
        reason=why.get("reason", "?"),
        error_type=why.get("error_type", "?"),
        attempts=int(why.get("attempts", "0")),
        source_partition=int(why.get("partition", "-1")),
        source_offset=int(why.get("offset", "-1")),
        key=record.key,
        value=record.value or b"",
        headers=tuple(
            (name, value) for name, value in record.headers if not name.startswith(PREFIX) and name != ADDRESSEE
        ),
        is_whole="value_omitted_bytes" not in why,
        handed_over_at=None if note is None else _time(note),
    )


def _time(record: ConsumerRecord) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


async def _original(settings: KafkaSettings, letter: Letter) -> bytes:
    gone = OriginalGone(
        f"{letter.topic} {letter.source_partition}/{letter.source_offset} is not held by Kafka any more"
    )
    tp = TopicPartition(settings.qualified(letter.topic), letter.source_partition)
    async with reader(settings) as consumer:
        consumer.assign([tp])
        first = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        if not first <= letter.source_offset < end:
            raise gone
        consumer.seek(tp, letter.source_offset)
        try:
            record = await consumer.getone(tp)
        except OffsetOutOfRangeError as error:
            raise gone from error
        if record.offset != letter.source_offset:
            raise gone
        return record.value or b""
