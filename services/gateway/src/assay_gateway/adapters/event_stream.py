"""Every event, on every replica: those of the last while first, then each as it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from assay_common.clock import utc_now
from assay_common.kafka.connection import connection_options
from assay_common.kafka.delivery import Undecodable, decoded
from assay_common.kafka.headers import addressee
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import KAFKA_CONSUMED, KAFKA_CONSUMER_LAG, KAFKA_DELIVERY_SECONDS
from assay_common.settings import KafkaSettings
from assay_gateway.application.metrics import EVENT_STREAM_AGE, EVENT_STREAM_UP
from assay_gateway.application.ports import EventSink
from assay_protos.topic import Topic

log = structlog.get_logger()

POLL_MS: Final = 500
MAX_POLL_RECORDS: Final = 500
"""Records handled at once, before requests get their turn again."""
CONNECT_TIMEOUT: Final = 15.0
"""Seconds to find the brokers and the ends of all partitions."""
RETRY_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 5.0
"""Kafka counts as away when a partition has not been heard of for so long; it answers every half second."""


class NotConnectedYet(Exception):
    """The stream has not begun: Kafka was never reached, a topic does not exist, or the last while is being read."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How much of a topic's past is read when the stream begins."""

    seconds: float
    max_events: int | None = None
    """Of each partition; None = however many there were."""


class EventStream:
    """Reads all partitions of some topics, without a consumer group, and tells a sink everything in order.

    Every replica must see every event, and what a replica remembers is gone with it, so there is nothing that a group
    would add but rebalances and the offsets of replicas that are gone. The stream begins a while ago (`replay`); it has
    begun once all that was there then is read. While Kafka is away it waits, and goes on where it was. When an offset
    was skipped, because Kafka no longer has what lay between, the sink is told what is lost. An event that cannot be
    read is counted and passed over: the services that keep what they learn put it aside as a dead letter.
    """

    def __init__(self, settings: KafkaSettings, replay: Mapping[Topic, Replay], sink: EventSink) -> None:
        self._settings = settings
        self._topics = {settings.qualified(topic.name): (topic, how) for topic, how in replay.items()}
        self._sink = sink
        self._began = asyncio.Event()
        self._positions: dict[TopicPartition, int] = {}
        self._missing: dict[TopicPartition, int] = {}
        """Up to where partitions are to be read before the stream has begun."""
        self._answered_at = time.time()
        for topic in replay:
            for outcome in ("done", "unreadable", "failed"):
                KAFKA_CONSUMED.labels(topic.name, outcome)
        EVENT_STREAM_AGE.set_function(self.age)
        EVENT_STREAM_UP.set_function(lambda: float(self.age() < AWAY_SECONDS))

    def age(self) -> float:
        """Seconds since Kafka last answered for every partition: how old what is known may be."""
        return max(0.0, time.time() - self._answered_at)

    async def check(self) -> None:
        """Raise NotConnectedYet until the stream has begun once; Kafka being away later is no reason."""
        if not self._began.is_set():
            raise NotConnectedYet(f"events are not read yet from {self._settings.bootstrap_servers}")

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
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await consumer.start()
            while True:
                assignment = await self._go_to_positions(consumer)
                while consumer.assignment() == assignment:
                    self._take(await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_POLL_RECORDS))
                    self._measure(consumer, assignment)
        finally:
            await consumer.stop()

    async def _go_to_positions(self, consumer: AIOKafkaConsumer) -> set[TopicPartition]:
        """Go on where each partition was left; begin with those that are new."""
        assignment: set[TopicPartition] = set(consumer.assignment())
        new = assignment - self._positions.keys()
        if new:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._begin(consumer, new)
        for partition in assignment:
            consumer.seek(partition, self._positions[partition])
        self._note_begin()
        return assignment

    async def _begin(self, consumer: AIOKafkaConsumer, partitions: set[TopicPartition]) -> None:
        now = time.time()
        since = {each: round((now - self._topics[each.topic][1].seconds) * 1000) for each in partitions}
        ends = await consumer.end_offsets(list(partitions))
        found = await consumer.offsets_for_times(since)
        for partition, end in ends.items():
            first = found.get(partition)
            position = min(end, first.offset) if first is not None else end
            limit = self._topics[partition.topic][1].max_events
            if limit is not None:
                position = max(position, end - limit)
            self._positions[partition] = position
            self._missing[partition] = end
            self._sink.on_begin(self._topics[partition.topic][0], partition.partition, position)
        log.info("event stream begins", partitions=len(partitions), behind=self._behind())

    def _behind(self) -> int:
        return sum(max(0, end - self._positions[partition]) for partition, end in self._missing.items())

    def _note_begin(self) -> None:
        if self._missing and not self._behind():
            self._missing = {}
            self._began.set()

    def _take(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for partition, records in batches.items():
            topic = self._topics[partition.topic][0]
            for record in records:
                if record.offset != self._positions[partition]:
                    log.warning("events were skipped", topic=topic.name, partition=partition.partition)
                    self._sink.on_loss(topic, partition.partition, record.offset)
                self._positions[partition] = record.offset + 1
                self._handle(topic, record)
        self._note_begin()

    def _handle(self, topic: Topic, record: ConsumerRecord) -> None:
        if addressee(record.headers) is not None:  # it was read when it came for everybody
            return
        try:
            delivery = replace(decoded(record, attempt=1), topic=topic.name)
            self._sink.on_event(topic, delivery)
        except Undecodable as error:
            KAFKA_CONSUMED.labels(topic.name, "unreadable").inc()
            log.warning("unreadable event", topic=record.topic, offset=record.offset, error=str(error))
            self._sink.on_unreadable(topic)
        except Exception:
            KAFKA_CONSUMED.labels(topic.name, "failed").inc()
            log.exception("event not handled", topic=record.topic, offset=record.offset)
            self._sink.on_unreadable(topic)
        else:
            KAFKA_CONSUMED.labels(topic.name, "done").inc()
            if self._began.is_set():
                KAFKA_DELIVERY_SECONDS.labels(topic.name).observe((utc_now() - delivery.event.time).total_seconds())

    def _measure(self, consumer: AIOKafkaConsumer, assignment: set[TopicPartition]) -> None:
        answered = [consumer.last_poll_timestamp(partition) for partition in assignment]
        if answered and all(answered):
            self._answered_at = max(self._answered_at, min(answered) / 1000)
        for partition in assignment:
            end = consumer.highwater(partition)
            if end is not None:
                behind = max(0, end - self._positions.get(partition, end))
                KAFKA_CONSUMER_LAG.labels(self._topics[partition.topic][0].name, str(partition.partition)).set(behind)
