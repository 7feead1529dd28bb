"""Topics of the contracts in a real cluster."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from assay_common.kafka.topics import TopicReport, TopicSettings, TopicsRefused, ensure_topics
from assay_common.settings import KafkaSettings
from assay_local.components import Kafka
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


async def test_partitions_are_added_and_settings_put_right(kafka_settings):
    topic = a_topic()
    await ensure_topics(kafka_settings, [topic])
    await set_for(kafka_settings, f"room.{topic.name}", {"retention.ms": "1", "segment.bytes": "1048576"})
    changed = replace(topic, partitions=5, retention_hours=48)
    report = await ensure_topics(kafka_settings, [changed])
    assert report.changed == (
        f"room.{topic.name}: 3 → 5 partitions",
        f"room.{topic.name}: retention.ms 1 → 172800000",
    )
    assert await ensure_topics(kafka_settings, [changed]) == TopicReport((), (), ())
    assert (await config_of(kafka_settings, f"room.{topic.name}"))["segment.bytes"] == "1048576"  # somebody else's


async def test_partitions_are_never_taken_away(kafka_settings):
    topic = a_topic()
    await ensure_topics(kafka_settings, [topic])
    report = await ensure_topics(kafka_settings, [replace(topic, partitions=2)])
    assert report.changed == ()
    assert report.differences == (f"room.{topic.name}: 3 partitions, more than 2: kept, for Kafka takes none away",)


async def test_copies_are_counted(kafka_settings):
    topic = a_topic()
    await ensure_topics(kafka_settings, [topic], TopicSettings(replication_factor=1, min_insync_replicas=1))
    assert (await config_of(kafka_settings, f"room.{topic.name}"))["min.insync.replicas"] == "1"
    with pytest.raises(TopicsRefused, match=r"room\.test.* has 1.*kafka-reassign-partitions.*kafka.replicationFactor"):
        await ensure_topics(kafka_settings, [topic], TopicSettings(replication_factor=3))
    with pytest.raises(TopicsRefused, match=r"fewer copies than the 2 .*kafka.minInsyncReplicas"):
        await ensure_topics(kafka_settings, [topic], TopicSettings(min_insync_replicas=2))


async def test_more_copies_than_brokers_are_refused(kafka_settings):
    with pytest.raises(TopicsRefused, match=r"3 copies cannot be made: .*kafka.replicationFactor"):
        await ensure_topics(kafka_settings, [a_topic()], TopicSettings(replication_factor=3))


async def test_a_user_without_permission_is_told_which_it_needs(make_site):
    password = "one of many"
    kafka = Kafka(
        make_site(),
        users={"assay": password},
        settings={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        },
    )
    await kafka.start()
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="assay",
        sasl_password=password,
    )
    with pytest.raises(TopicsRefused, match=r"the user assay may not do this: .*It needs Create, Describe"):
        await ensure_topics(settings, [a_topic()])
    await kafka.stop()


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


async def set_for(settings, name, config):
    async with admin_of(settings) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=config)])


async def config_of(settings, name):
    async with admin_of(settings) as admin:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


@asynccontextmanager
async def admin_of(settings):
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
