"""Sends stored events to Kafka so that the order within each partition, and so of each key, is kept."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, ProducerClosed, ProducerFenced
from aiokafka.partitioner import DefaultPartitioner

from assay_common.kafka.headers import CloudEvent

log = structlog.get_logger()

MILLISECONDS: Final = 1000

BROKEN: Final = (OutOfOrderSequenceNumber, ProducerFenced, ProducerClosed)
"""Errors after which this producer can send nothing more, whatever is waited for."""


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """A stored event on its way to Kafka."""

    position: int
    topic: str
    key: bytes
    payload: bytes
    event: CloudEvent

    @classmethod
    def from_row(cls, row: asyncpg.Record, source: str) -> "OutboxEvent":
        """Read a row of the table `events`; `source` is the service that publishes it."""
        occurred_at: datetime = row["occurred_at"]
        actor: UUID | None = row["actor"]
        return cls(
            position=row["position"],
            topic=row["topic"],
            key=row["key"].encode(),
            payload=row["payload"],
            event=CloudEvent(
                id=row["id"],
                type=row["type"],
                source=source,
                time=occurred_at,
                subject=str(row["aggregate_id"]),
                org_id=row["org_id"],
                traceparent=row["traceparent"],
                request_id=row["request_id"],
                actor=str(actor) if actor else None,
            ),
        )


class KafkaPublisher:
    """Publishes events partition by partition, one batch at a time.

    An event leaves only after all earlier ones of its partition were acknowledged, and a batch arrives whole or not at
    all. So the first copy of each event arrives in order, whatever fails in between; a later copy of an event that
    had arrived unacknowledged can follow, and the consumers' inbox drops it.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._partitioner = DefaultPartitioner()

    async def __call__(self, events: Sequence[OutboxEvent]) -> list[int]:
        """Publish the events and return the positions of those that Kafka acknowledged.

        Raises:
            KafkaError: one of BROKEN; the process needs a new producer.
        """
        by_topic: dict[str, list[OutboxEvent]] = defaultdict(list)
        for event in events:
            by_topic[event.topic].append(event)
        acknowledged = await asyncio.gather(*(self._to_topic(topic, part) for topic, part in by_topic.items()))
        return [position for positions in acknowledged for position in positions]

    async def _to_topic(self, topic: str, events: Sequence[OutboxEvent]) -> list[int]:
        try:
            partitions = sorted(await self._producer.partitions_for(topic))
        except KafkaError as error:
            log.warning("events wait: the topic is not available", topic=topic, events=len(events), error=repr(error))
            return []
        by_partition: dict[int, list[OutboxEvent]] = defaultdict(list)
        for event in events:
            by_partition[self._partitioner(event.key, partitions, partitions)].append(event)
        acknowledged = await asyncio.gather(
            *(self._to_partition(topic, partition, part) for partition, part in by_partition.items())
        )
        return [position for positions in acknowledged for position in positions]

    async def _to_partition(self, topic: str, partition: int, events: Sequence[OutboxEvent]) -> list[int]:
        sent = 0
        try:
            while sent < len(events):
                sent += await self._send_batch(topic, partition, events[sent:])
        except BROKEN:
            raise
        except KafkaError as error:
            log.warning(
                "events wait: Kafka did not take them",
                topic=topic,
                partition=partition,
                events=len(events) - sent,
                error=repr(error),
            )
        return [event.position for event in events[:sent]]

    async def _send_batch(self, topic: str, partition: int, events: Sequence[OutboxEvent]) -> int:
        """Send as many of the events as one batch takes; returns how many, once acknowledged."""
        batch = self._producer.create_batch()
        for event in events:
            if (
                batch.append(
                    key=event.key,
                    value=event.payload,
                    timestamp=int(event.event.time.timestamp() * MILLISECONDS),
                    headers=event.event.to_headers(),
                )
                is None
            ):
                break
        batch.close()
        await (await self._producer.send_batch(batch, topic, partition=partition))
        return int(batch.record_count())
