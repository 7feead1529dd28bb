"""The relay between the real PostgreSQL and the real Kafka."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.kafka.topics import ensure_topics
from assay_common.lifecycle import Lifecycle
from assay_common.logs import bound_request_id
from assay_common.postgres.outbox import relay
from assay_common.settings import KafkaSettings
from assay_common.tracing import current_traceparent, span
from assay_local.components import Kafka
from assay_protos.events import decode
from assay_protos.topic import Topic

WAITING = "SELECT count(*) FROM events WHERE published_at IS NULL"


def new_topic():
    return Topic(
        name=f"test.{uuid4().hex}.events",
        description="Of one test.",
        owner="notes",
        key="prompt id",
        messages=("assay.prompt.v1.PromptCreated",),
        partitions=3,
        retention_hours=1,
        consumers=(),
    )


@asynccontextmanager
async def relaying(database, settings):
    lifecycle = Lifecycle(grace_seconds=20)
    async with producer(settings) as opened:
        lifecycle.spawn("outbox", relay(database, "notes", opened, lifecycle))
        try:
            yield
        finally:
            lifecycle.stop()
            await lifecycle.drain()
    assert lifecycle.failure is None


async def read(settings, topic, count):
    """The first records of a topic, in the order of each partition."""
    consumer = AIOKafkaConsumer(
        topic.name, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


async def until_all_are_marked(superuser):
    async with asyncio.timeout(60):
        while await superuser.fetchval(WAITING):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


def names_by_key(records):
    by_key = defaultdict(list)
    for record in records:
        by_key[record.key.decode()].append(int(decode("assay.prompt.v1.PromptCreated", record.value).name))
    return by_key


async def test_an_event_arrives_with_its_attributes(kafka, uow, database, org, new_event, superuser):
    settings, topic, aggregate = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), new_topic(), uuid4()
    await ensure_topics(settings, [topic])
    async with relaying(database, settings):
        with span("work"), bound_request_id("request-1"):
            traceparent = current_traceparent()
            async with uow(org) as tx:
                await tx.record(new_event(org, aggregate, 1, topic=topic, text="1"))
        (record,) = await read(settings, topic, 1)
    stored = await superuser.fetchrow("SELECT * FROM events")
    assert record.key == str(aggregate).encode()
    assert CloudEvent.from_headers(record.headers) == CloudEvent(
        id=stored["id"],
        type="assay.prompt.v1.PromptCreated",
        source="notes",
        time=stored["occurred_at"],
        subject=str(aggregate),
        org_id=org,
        traceparent=traceparent,
        request_id="request-1",
    )


async def test_thousands_of_events_arrive_once_and_in_order_per_key(kafka, uow, database, org, new_event, superuser):
    settings, topic = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), new_topic()
    await ensure_topics(settings, [topic])
    keys = [f"key-{number}" for number in range(7)]
    async with uow(org) as tx:
        await tx.record_all(
            [new_event(org, topic=topic, key=key, text=f"{number}") for number in range(300) for key in keys]
        )
    async with relaying(database, settings):
        records = await read(settings, topic, 7 * 300)
        await until_all_are_marked(superuser)
    assert names_by_key(records) == {key: list(range(300)) for key in keys}


@pytest.mark.chaos
async def test_while_kafka_is_down_work_goes_on_and_every_event_arrives_in_order_afterwards(
    make_site, uow, database, org, new_event, superuser
):
    kafka = Kafka(make_site())
    await kafka.start()
    settings, topic = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), new_topic()
    await ensure_topics(settings, [topic])
    keys = ["one", "two", "three"]

    async def record(numbers):
        for number in numbers:
            async with uow(org) as tx:
                await tx.record_all([new_event(org, topic=topic, key=key, text=f"{number}") for key in keys])

    try:
        async with relaying(database, settings):
            await record(range(5))
            await until_all_are_marked(superuser)
            await kafka.kill()
            await record(range(5, 15))
            assert await superuser.fetchval(WAITING) == 10 * len(keys)
            await kafka.start()
            await record(range(15, 20))
            await until_all_are_marked(superuser)
            records = await read(settings, topic, 20 * len(keys))
    finally:
        await kafka.stop()
    # A copy that arrived without its acknowledgement may have been followed by a second one.
    assert {key: list(dict.fromkeys(seen)) for key, seen in names_by_key(records).items()} == {
        key: list(range(20)) for key in keys
    }
