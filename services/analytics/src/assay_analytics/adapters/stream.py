"""The topics as they are kept, read beside the service's consumer group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError

from assay_analytics.application.replay import StillCounting
from assay_common.clock import Clock
from assay_common.kafka.connection import connection_options
from assay_common.kafka.headers import CloudEvent, MalformedHeaders
from assay_common.kafka.reading import partitions_of, reader, until_end
from assay_common.settings import KafkaSettings
from assay_protos.topic import Topic

BATCH: Final = 5000
_STOP = "stop the service first (kubectl scale deployment … --replicas=0, and what scales it), then try again"


@dataclass(frozen=True, slots=True)
class KafkaStream:
    """The event topics, and the offsets of the group that counts them."""

    settings: KafkaSettings
    group: str
    topics: Sequence[Topic]
    consumer: AIOKafkaConsumer
    admin: AIOKafkaAdminClient
    clock: Clock

    async def ensure_idle(self) -> None:
        """Raise StillCounting when the group has members."""
        (answer,) = await self.admin.describe_consumer_groups([self.settings.qualified(self.group)])
        for _, _, _, _, _, members, *_ in answer.groups:
            if members:
                raise StillCounting(f"{len(members)} processes count: {_STOP}")

    async def lost_before(self) -> datetime | None:
        """The time of the oldest record of a partition that has lost its first ones; the latest of all partitions'."""
        beginnings = await self._beginnings()
        lost = [tp for tp, offset in beginnings.items() if offset > 0]
        return max([await self._oldest(tp, beginnings[tp]) for tp in lost], default=None)

    async def events_since(self, start: datetime) -> AsyncIterator[Sequence[UUID]]:
        """Read everything; what is no event of ours was never counted."""
        batch: list[UUID] = []
        async for record in until_end(self.consumer, await self._beginnings()):
            event = _event(record.headers)
            if event is not None and event.time >= start:
                batch.append(event.id)
            if len(batch) == BATCH:
                yield batch
                batch = []
        yield batch

    async def rewind(self) -> None:
        """Commit the beginning of every partition for the group."""
        try:
            await self.consumer.commit(await self._beginnings())
        except CommitFailedError as error:
            raise StillCounting(f"a process has begun to count: {_STOP}") from error

    async def _beginnings(self) -> dict[TopicPartition, int]:
        beginnings: dict[TopicPartition, int] = await self.consumer.beginning_offsets(self.consumer.assignment())
        return beginnings

    async def _oldest(self, tp: TopicPartition, beginning: int) -> datetime:
        ends = await self.consumer.end_offsets([tp])
        if ends[tp] == beginning:
            # Nothing is left, so all there was is older than the time for which records are kept.
            kept = next(
                topic.retention_hours for topic in self.topics if self.settings.qualified(topic.name) == tp.topic
            )
            return self.clock() - timedelta(hours=kept)
        self.consumer.seek(tp, beginning)
        record = await self.consumer.getone(tp)
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)


@asynccontextmanager
async def kafka_stream(
    settings: KafkaSettings, group: str, topics: Sequence[Topic], clock: Clock
) -> AsyncIterator[KafkaStream]:
    """Connect for the length of the block; raises Unavailable."""
    admin = AIOKafkaAdminClient(**connection_options(settings))
    async with reader(settings, settings.qualified(group)) as consumer:
        try:
            await admin.start()
            consumer.assign(await partitions_of(settings, [settings.qualified(topic.name) for topic in topics]))
            yield KafkaStream(settings, group, topics, consumer, admin, clock)
        finally:
            await admin.close()


def _event(headers: Sequence[tuple[str, bytes]]) -> CloudEvent | None:
    try:
        return CloudEvent.from_headers(headers)
    except MalformedHeaders:
        return None
