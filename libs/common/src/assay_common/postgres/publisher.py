"""Sends stored events to Kafka so that the order within each partition, and so of each key, is kept."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import Producer

log = structlog.get_logger()


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
        actor: UUID | None = row["actor"]
        event = CloudEvent(
            id=row["id"],
            type=row["type"],
            source=source,
            time=row["occurred_at"],
            subject=str(row["aggregate_id"]),
            org_id=row["org_id"],
            traceparent=row["traceparent"],
            request_id=row["request_id"],
            actor=str(actor) if actor else None,
            client_address=row["client_address"],
            private_to=row["private_to"],
        )
        return cls(row["position"], row["topic"], row["key"].encode(), row["payload"], event)


class KafkaPublisher:
    """Publishes events partition by partition, one batch at a time.

    A batch leaves only after the one before it in its partition was acknowledged, and it arrives whole or not at all.
    So the first copy of each event arrives in order, whatever fails in between; a further copy of an event that had
    arrived unacknowledged can follow, and the consumers' inbox drops it.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._partitioner = DefaultPartitioner()  # murmur2 of the key, as every Kafka client does it

    async def __call__(self, events: Sequence[OutboxEvent]) -> list[int]:
        """Publish the events and return the positions of those that Kafka acknowledged."""
        by_topic: dict[str, list[OutboxEvent]] = defaultdict(list)
        for event in events:
            by_topic[event.topic].append(event)
        return _flat(await asyncio.gather(*(self._to_topic(topic, part) for topic, part in by_topic.items())))

    async def _to_topic(self, topic: str, events: Sequence[OutboxEvent]) -> list[int]:
        try:
            partitions = sorted(await self._producer.partitions_for(topic))
        except KafkaError as error:
            log.warning("events wait for their topic", topic=topic, events=len(events), error=repr(error))
            return []
        by_partition: dict[int, list[OutboxEvent]] = defaultdict(list)
        for event in events:
            by_partition[self._partitioner(event.key, partitions, partitions)].append(event)
        return _flat(
            await asyncio.gather(
                *(self._to_partition(topic, partition, part) for partition, part in by_partition.items())
            )
        )

    async def _to_partition(self, topic: str, partition: int, events: Sequence[OutboxEvent]) -> list[int]:
        sent = 0
        try:
            while sent < len(events):
                sent += await self._send_batch(topic, partition, events[sent:])
        except KafkaError as error:
            log.warning(
                "events wait for Kafka", topic=topic, partition=partition, events=len(events) - sent, error=repr(error)
            )
        return [event.position for event in events[:sent]]

    async def _send_batch(self, topic: str, partition: int, events: Sequence[OutboxEvent]) -> int:
        """Send as many of the events as one batch takes; returns how many, once Kafka has acknowledged them."""
        batch = await self._producer.create_batch()
        for event in events:
            headers = list(event.event.to_headers())
            if batch.append(timestamp=None, key=event.key, value=event.payload, headers=headers) is None:
                break
        batch.close()
        await (await self._producer.send_batch(batch, topic, partition=partition))
        return int(batch.record_count())


def _flat(lists: Iterable[list[int]]) -> list[int]:
    return [position for positions in lists for position in positions]
