"""Every event from now on, on every replica."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from assay_common.kafka.connection import connection_options
from assay_common.kafka.delivery import Delivery, Undecodable, decoded
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import KAFKA_CONSUMED, KAFKA_CONSUMER_LAG
from assay_common.settings import KafkaSettings
from assay_protos.topic import Topic

log = structlog.get_logger()

POLL_MS: Final = 500
CONNECT_TIMEOUT: Final = 15.0
"""Seconds to find the brokers and the ends of all partitions."""
RETRY_SECONDS: Final = 1.0


class NotConnectedYet(Exception):
    """The stream has not begun: Kafka was never reached, or a topic does not exist."""


class EventStream:
    """Reads all partitions of some topics from their ends on, without a consumer group.

    Every replica must see every event, and none of them has anything to catch up with, so there is nothing that a group
    would add but rebalances and the offsets of replicas that are gone. Delivery is at most once; `on_gap` is told the
    topics of which events may have been missed: when the stream begins, when it had to begin anew, when partitions were
    added, and when an offset was skipped. An event that cannot be read is counted and skipped (the services that keep
    what they learn put it aside as a dead letter), and is a gap too.

    While Kafka is away the stream waits and goes on where it was.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[Topic],
        on_event: Callable[[Delivery], None],
        on_gap: Callable[[Collection[str]], None],
    ) -> None:
        self._settings = settings
        self._topics = [settings.qualified(topic.name) for topic in topics]
        self._on_event = on_event
        self._on_gap = on_gap
        self._began = asyncio.Event()
        self._expected: dict[TopicPartition, int] = {}

    async def check(self) -> None:
        """Raise NotConnectedYet until the stream has begun once; Kafka being away later is no reason."""
        if not self._began.is_set():
            raise NotConnectedYet(f"no event stream yet from {self._settings.bootstrap_servers}")

    async def run(self, lifecycle: Lifecycle) -> None:
        """Read until the process stops."""
        stopping = asyncio.create_task(lifecycle.stopping.wait())
        reading = asyncio.create_task(self._read_for_ever())
        await asyncio.wait({stopping, reading}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        reading.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        try:
            await reading
        except asyncio.CancelledError:
            log.debug("event stream ended")

    async def _read_for_ever(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, TimeoutError, OSError) as error:
                log.warning("event stream interrupted", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            *self._topics,
            **connection_options(self._settings),
            group_id=None,
            auto_offset_reset="latest",
            enable_auto_commit=False,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await consumer.start()
            while True:
                assignment = await self._go_to_the_end(consumer)
                while consumer.assignment() == assignment:
                    self._take(await consumer.getmany(timeout_ms=POLL_MS))
                    self._measure(consumer, assignment)
        finally:
            await consumer.stop()

    async def _go_to_the_end(self, consumer: AIOKafkaConsumer) -> set[TopicPartition]:
        """Fix the position of every partition; only what is known before that may be out of date."""
        assignment: set[TopicPartition] = set(consumer.assignment())
        async with asyncio.timeout(CONNECT_TIMEOUT):
            self._expected = {partition: await consumer.position(partition) for partition in assignment}
        self._on_gap(self._topics)
        self._began.set()
        log.info("event stream begins", topics=self._topics, partitions=len(assignment))
        return assignment

    def _take(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for partition, records in batches.items():
            for record in records:
                if record.offset != self._expected.get(partition, record.offset):
                    log.warning("events were skipped", topic=record.topic, partition=record.partition)
                    self._on_gap([record.topic])
                self._expected[partition] = record.offset + 1
                self._handle(record)

    def _handle(self, record: ConsumerRecord) -> None:
        try:
            delivery = decoded(record, attempt=1)
            self._on_event(delivery)
        except Undecodable as error:
            KAFKA_CONSUMED.labels(record.topic, "unreadable").inc()
            log.warning("unreadable event", topic=record.topic, offset=record.offset, error=str(error))
            self._on_gap([record.topic])
        except Exception:
            KAFKA_CONSUMED.labels(record.topic, "failed").inc()
            log.exception("event not handled", topic=record.topic, offset=record.offset)
            self._on_gap([record.topic])
        else:
            KAFKA_CONSUMED.labels(record.topic, "done").inc()

    def _measure(self, consumer: AIOKafkaConsumer, assignment: set[TopicPartition]) -> None:
        for partition in assignment:
            end = consumer.highwater(partition)
            if end is not None:
                behind = max(0, end - self._expected.get(partition, end))
                KAFKA_CONSUMER_LAG.labels(partition.topic, str(partition.partition)).set(behind)
