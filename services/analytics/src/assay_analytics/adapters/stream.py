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
from aiokafka.errors import CommitFailedError, KafkaError

from assay_analytics.application.replay import StillCounting
from assay_common.clock import Clock
from assay_common.errors import Unavailable
from assay_common.kafka.connection import connection_options
from assay_common.kafka.headers import CloudEvent, MalformedHeaders
from assay_common.settings import KafkaSettings
from assay_protos.topic import Topic

POLL_MS: Final = 2000
SILENCE_POLLS: Final = 30
"""So many empty polls in a row, and Kafka counts as away."""
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
        beginnings = await self._beginnings()
        ends = await self.consumer.end_offsets(list(beginnings))
        for tp, offset in beginnings.items():
            self.consumer.seek(tp, offset)
        left = {tp for tp, offset in beginnings.items() if offset < ends[tp]}
        silent = 0
        while left:
            fetched = await self.consumer.getmany(*left, timeout_ms=POLL_MS)
            silent = 0 if fetched else silent + 1
            if silent > SILENCE_POLLS:
                raise Unavailable("Kafka does not answer: nothing was changed, try again")
            yield [
                event.id
                for records in fetched.values()
                for record in records
                if (event := _event(record.headers)) is not None and event.time >= start
            ]
            left = {tp for tp in left if await self.consumer.position(tp) < ends[tp]}

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
    options = connection_options(settings)
    consumer = AIOKafkaConsumer(**options, group_id=settings.qualified(group), enable_auto_commit=False)
    admin = AIOKafkaAdminClient(**options)
    try:
        await consumer.start()
        await admin.start()
        names = [settings.qualified(topic.name) for topic in topics]
        described = await admin.describe_topics(names)
        consumer.assign(
            [TopicPartition(each["topic"], part["partition"]) for each in described for part in each["partitions"]]
        )
        yield KafkaStream(settings, group, topics, consumer, admin, clock)
    except KafkaError as error:
        raise Unavailable(f"Kafka: {error}") from error
    finally:
        await admin.close()
        await consumer.stop()


def _event(headers: Sequence[tuple[str, bytes]]) -> CloudEvent | None:
    try:
        return CloudEvent.from_headers(headers)
    except MalformedHeaders:
        return None
