"""The publisher on a broker of this file: which events count as acknowledged, and in what order they arrive."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from uuid import uuid4

from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from assay_common.kafka.headers import CloudEvent
from assay_common.postgres.publisher import KafkaPublisher, OutboxEvent

PARTITIONS = 3


class Broker:
    """Takes batches a little later, and refuses those that hold one of `refused`."""

    def __init__(self, *, batch_bytes=16_384, refused=()):
        self.written = defaultdict(list)
        self.refused = set(refused)
        self.in_flight = defaultdict(int)
        self.batches = 0
        self._batch_bytes = batch_bytes

    async def partitions_for(self, topic):
        if topic == "missing":
            raise UnknownTopicOrPartitionError(topic)
        return set(range(PARTITIONS))

    async def create_batch(self):
        return Batch(self._batch_bytes)

    async def send_batch(self, batch, topic, *, partition):
        return asyncio.ensure_future(self._take(batch, topic, partition))

    async def _take(self, batch, topic, partition):
        self.in_flight[topic, partition] += 1
        assert self.in_flight[topic, partition] == 1, "a batch left before the one before it was acknowledged"
        await asyncio.sleep(0)
        self.in_flight[topic, partition] -= 1
        self.batches += 1
        if self.refused & set(batch.values):
            raise KafkaConnectionError("away")
        self.written[topic, partition] += batch.values


class Batch(BatchBuilder):
    def __init__(self, size):
        super().__init__(size, 0)
        self.values = []

    def append(self, *, timestamp, key, value, headers=()):
        metadata = super().append(timestamp=timestamp, key=key, value=value, headers=headers)
        if metadata is not None:
            self.values.append(value)
        return metadata


def events(count, *, topic="topic", keys=7, first=1):
    return [
        OutboxEvent(
            position=position,
            topic=topic,
            key=f"key-{position % keys}".encode(),
            payload=f"{topic}-{position}".encode(),
            event=CloudEvent(uuid4(), "assay.Test", "test", datetime.now(UTC), str(uuid4()), org_id=uuid4()),
        )
        for position in range(first, first + count)
    ]


def partition_of(event):
    return (murmur2(event.key) & 0x7FFFFFFF) % PARTITIONS


async def test_each_partition_gets_its_events_in_order_in_batches_that_follow_each_other():
    broker, sent = Broker(batch_bytes=1_000), events(200)
    assert sorted(await KafkaPublisher(broker)(sent)) == [event.position for event in sent]
    for partition in range(PARTITIONS):
        expected = [event.payload for event in sent if partition_of(event) == partition]
        assert broker.written["topic", partition] == expected
    assert broker.batches > PARTITIONS


async def test_behind_a_refused_batch_its_partition_waits_and_the_others_go_on():
    sent = events(200)
    victim = sent[100]
    broker = Broker(batch_bytes=1_000, refused={victim.payload})
    acknowledged = set(await KafkaPublisher(broker)(sent))
    for event in sent:
        if partition_of(event) != partition_of(victim):
            assert event.position in acknowledged
        elif event.position >= victim.position:
            assert event.position not in acknowledged
    assert {event.payload for event in sent if event.position in acknowledged} == {
        payload for written in broker.written.values() for payload in written
    }

    broker.refused.clear()
    await KafkaPublisher(broker)([event for event in sent if event.position not in acknowledged])
    for partition in range(PARTITIONS):
        expected = [event.payload for event in sent if partition_of(event) == partition]
        assert broker.written["topic", partition] == expected, "everything once and in order"


async def test_a_topic_that_does_not_exist_keeps_only_its_own_events_waiting():
    sent = [*events(5, topic="missing"), *events(5, first=6)]
    assert sorted(await KafkaPublisher(Broker())(sent)) == [6, 7, 8, 9, 10]


async def test_an_event_larger_than_a_batch_goes_alone():
    broker = Broker(batch_bytes=100)
    assert await KafkaPublisher(broker)(events(3, keys=1)) == [1, 2, 3]
    assert broker.batches == 3
