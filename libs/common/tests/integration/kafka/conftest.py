"""A topic of one's own on the real Kafka, and consumers that write down what they were given."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from assay.prompt.v1.events_pb2 import PromptCreated
from assay_common.kafka.consumer import Tuning, consume
from assay_common.kafka.failures import BackOff
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.membership import Timing
from assay_common.kafka.producer import producer
from assay_common.kafka.topics import ensure_topics
from assay_common.lifecycle import Lifecycle
from assay_common.settings import KafkaSettings
from assay_protos.topic import Topic

QUICK = {"session_ms": 6000, "heartbeat_ms": 300, "commit_seconds": 0.1}


def a_topic(partitions=1):
    return Topic(
        name=f"test.{uuid4().hex}.events",
        description="of one test",
        owner="test",
        key="anything",
        messages=(PromptCreated.DESCRIPTOR.full_name,),
        partitions=partitions,
        retention_hours=1,
        consumers=("test",),
    )


def an_event(**changes):
    return CloudEvent(
        **{
            "id": uuid4(),
            "type": PromptCreated.DESCRIPTOR.full_name,
            "source": "test",
            "time": datetime.now(UTC),
            "subject": "p",
            **changes,
        }
    )


class Notes:
    """A handler that notes what it begins and ends; `behave` may wait or raise in between."""

    def __init__(self, behave=None):
        self.begun, self.ended, self.cancelled = [], [], []
        self.running = self.most_running = 0
        self._behave = behave
        self._changed = asyncio.Condition()

    async def __call__(self, delivery):
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await self._note(self.begun, delivery)
        try:
            if self._behave is not None:
                await self._behave(delivery)
        except asyncio.CancelledError:
            self.cancelled.append(delivery)
            raise
        finally:
            self.running -= 1
        await self._note(self.ended, delivery)

    async def _note(self, where, delivery):
        async with self._changed:
            where.append(delivery)
            self._changed.notify_all()

    async def until(self, condition, seconds=30):
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    async def until_ended(self, count, seconds=30):
        await self.until(lambda notes: len(notes.ended) >= count, seconds)

    def names(self, where=None):
        return [delivery.message.name for delivery in (self.ended if where is None else where)]


class Consumer:
    """One process, as far as Kafka can tell."""

    def __init__(self, lifecycle, task):
        self.lifecycle, self.task = lifecycle, task

    async def stop(self):
        self.lifecycle.stop()
        await self.lifecycle.drain()


class Room:
    """A topic, a group, and hands to work with them."""

    def __init__(self, settings, topic, sender):
        self.settings, self.topic, self.sender = settings, topic, sender
        self.group = f"test-{uuid4().hex}"
        self._stack = AsyncExitStack()

    async def publish(self, *names, key="k", **event):
        """One message a name, in this order."""
        for name in names:
            payload = PromptCreated(name=name).SerializeToString()
            await (await self.sender.publish(self.topic.name, key=key, event=an_event(**event), payload=payload))

    async def publish_raw(self, value, *, key=b"k", headers=()):
        return await self.sender.send_and_wait(self.topic.name, value, key=key, headers=headers)

    def consume(self, handler, *, timing=None, grace=20.0, **options):
        lifecycle = Lifecycle(grace)
        tuning = Tuning(back_off=BackOff(0.05, 0.2), timing=Timing(**{**QUICK, **(timing or {})}))
        options = {"group": self.group, "tuning": tuning, **options}
        task = lifecycle.spawn(
            "consumer", consume(lifecycle, self.settings, topics=[self.topic], handler=handler, **options)
        )
        consumer = Consumer(lifecycle, task)
        self._stack.push_async_callback(consumer.stop)
        return consumer

    async def committed(self):
        """The committed offset of each partition that has one."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.bootstrap_servers)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.settings.qualified(self.group))
            return {tp.partition: at.offset for tp, at in offsets.items() if at.offset >= 0}
        finally:
            await admin.close()

    async def until_committed(self, total, seconds=20):
        """Wait until the committed offsets of all partitions add up to `total`."""
        deadline = time.monotonic() + seconds
        while sum((found := await self.committed()).values()) < total:
            assert time.monotonic() < deadline, f"committed only {found}"
            await asyncio.sleep(0.05)
        return found

    async def dead_letters(self, count, seconds=20):
        """The first `count` dead letters."""
        partition = TopicPartition(self.settings.qualified(self.topic.dead_letters), 0)
        reader = AIOKafkaConsumer(bootstrap_servers=self.settings.bootstrap_servers, auto_offset_reset="earliest")
        await reader.start()
        try:
            reader.assign([partition])
            async with asyncio.timeout(seconds):
                return [await reader.getone() for _ in range(count)]
        finally:
            await reader.stop()

    async def close(self):
        await self._stack.aclose()


@pytest.fixture
def kafka_settings(kafka):
    return KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, namespace="room.")


@pytest.fixture
async def make_room(kafka_settings):
    """`await make_room(partitions=3)`"""
    async with AsyncExitStack() as stack:

        async def make(partitions=1, settings=kafka_settings, *, exists=True):
            topic = a_topic(partitions)
            if exists:
                await ensure_topics(settings, [topic])
            room = Room(settings, topic, await stack.enter_async_context(producer(settings)))
            stack.push_async_callback(room.close)
            return room

        yield make


@pytest.fixture
async def room(make_room):
    return await make_room()


@pytest.fixture
def make_notes():
    return Notes
