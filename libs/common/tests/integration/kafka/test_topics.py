"""Topics of the contracts in a real cluster."""

import asyncio
import os
import sys
from dataclasses import replace
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient

from assay_common.kafka.topics import ensure_topics
from assay_protos.topic import Topic
from assay_protos.topics import ALL


def a_topic():
    return Topic(f"test.{uuid4().hex}.events", "of one test", "test", "anything", (), 3, 24, ())


async def test_a_topic_and_its_dead_letters_are_made_once(kafka_settings):
    topic = a_topic()
    first = await ensure_topics(kafka_settings, [topic])
    second = await ensure_topics(kafka_settings, [topic])
    assert set(first.created) == {f"room.{topic.name}", f"room.{topic.dead_letters}"}
    assert (second.created, second.differences) == ((), ())


async def test_many_may_make_the_same_topic_at_the_same_time(kafka_settings):
    topic = a_topic()
    reports = await asyncio.gather(*(ensure_topics(kafka_settings, [topic]) for _ in range(5)))
    assert sorted(name for report in reports for name in report.created) == [
        f"room.{topic.name}",
        f"room.{topic.dead_letters}",
    ]


async def test_a_difference_is_told_and_nothing_is_changed(kafka_settings):
    topic = a_topic()
    await ensure_topics(kafka_settings, [topic])
    report = await ensure_topics(kafka_settings, [replace(topic, partitions=5, retention_hours=48)])
    assert report.differences == (
        f"room.{topic.name}: 3 partitions, not 5",
        f"room.{topic.name}: retention.ms is 86400000, not 172800000",
    )
    assert (await ensure_topics(kafka_settings, [topic])).differences == ()


async def test_the_command_makes_all_topics_of_the_contracts(kafka_settings):
    assert await run_command(kafka_settings.bootstrap_servers) == 0
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_settings.bootstrap_servers)
    await admin.start()
    try:
        present = set(await admin.list_topics())
    finally:
        await admin.close()
    assert {name for topic in ALL for name in (topic.name, topic.dead_letters)} <= present


async def run_command(bootstrap_servers):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "assay_common.kafka.topics",
        env={**os.environ, "ASSAY_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers},
    )
    return await process.wait()
