"""The sums are counted anew from the topics: the same figures, whatever is killed on the way."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from assay.evaluation.v1 import runs_pb2
from assay.evaluation.v1.events_pb2 import ItemsMeasured, RunCreated
from assay.prompt.v1.events_pb2 import LabelMoved
from assay_analytics import bootstrap
from assay_analytics.adapters.stream import kafka_stream
from assay_analytics.application.count_event import CONSUMER
from assay_analytics.settings import Settings
from assay_common.clock import utc_now
from assay_common.kafka.connection import connection_options
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.kafka.topics import ensure_topics
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.pool import pool
from assay_common.settings import GrpcSettings, Targets
from assay_protos import topics
from assay_testing.auth_server import auth_server

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
HOUR = timedelta(hours=1)
TOPIC_OF = {name: topic for topic in topics.ALL for name in topic.messages}
EVENTS = 240
SUMS = {
    "counters": "SELECT org_id, hour, name, value FROM counters ORDER BY 1, 2, 3",
    "event_counts": "SELECT org_id, hour, type, count FROM event_counts ORDER BY 1, 2, 3",
    "model_usage": "SELECT * FROM model_usage ORDER BY org_id, hour, model",
}


@pytest.fixture
async def own_kafka(kafka_settings):
    """Topics of this test's own: others' events would be counted again too."""
    settings = kafka_settings.model_copy(update={"namespace": f"replay-{uuid4().hex[:8]}."})
    await ensure_topics(settings, topics.ALL)
    return settings


async def publish(kafka_settings, count, at=NOW):
    """Events of several organisations, services and hours."""
    orgs = [uuid4() for _ in range(3)]
    async with producer(kafka_settings) as events:
        for number in range(count):
            org = orgs[number % 3]
            message = (
                RunCreated(run=runs_pb2.Run(id="r")),
                ItemsMeasured(run_id="r", model=f"m{number % 2}", measured=4, input_tokens=number, cost_usd=0.1),
                LabelMoved(prompt_id="p"),
            )[number % 3]
            name = message.DESCRIPTOR.full_name
            event = CloudEvent(uuid4(), name, "test", at - (number % 5) * HOUR, "subject", org)
            await (
                await events.publish(
                    TOPIC_OF[name].name, key=f"{org}{number % 7}", event=event, payload=message.SerializeToString()
                )
            )


@pytest.fixture
def service_at(database, issuer):
    """`async with service_at(kafka):` counts inside this process."""

    @asynccontextmanager
    async def run(kafka):
        lifecycle = Lifecycle(grace_seconds=5)
        async with AsyncExitStack() as stack:
            auth = await stack.enter_async_context(auth_server(issuer))
            settings = Settings(
                database=database, kafka=kafka, grpc=GrpcSettings(listen="127.0.0.1:0"), targets=Targets(auth=auth)
            )
            await stack.enter_async_context(bootstrap.serve(settings, lifecycle))
            yield lifecycle
            lifecycle.stop()
            await lifecycle.drain()
            assert lifecycle.failure is None

    return run


async def sums(database):
    """Every row of the sums, as the system sees them."""
    async with (
        pool(database, bootstrap.SCHEMA) as connections,
        connections.acquire() as connection,
        connection.transaction(),
    ):
        await connection.execute("SET LOCAL ROLE assay_analytics_system")
        return {name: [tuple(row) for row in await connection.fetch(query)] for name, query in SUMS.items()}


async def counted(database):
    """How many events are known as counted."""
    async with pool(database, bootstrap.SCHEMA) as connections:
        return await connections.fetchval("SELECT count(*) FROM inbox WHERE consumer = $1", CONSUMER)


async def until_counted(database, count):
    async with asyncio.timeout(60):
        while await counted(database) < count:  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)


def variables(database, kafka):
    return {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")} | {
        "ASSAY_DATABASE__URL": database.url.get_secret_value(),
        "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "ASSAY_KAFKA__NAMESPACE": kafka.namespace,
        "ASSAY_OPS__LISTEN": "127.0.0.1:0",
        "ASSAY_GRPC__LISTEN": "127.0.0.1:0",
        "ASSAY_TARGETS__AUTH": "127.0.0.1:1",
    }


async def begin(database, kafka, *arguments):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "assay_analytics", *arguments,
        env=variables(database, kafka), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def replay(database, kafka, start):
    """Run the operation as a process of its own: its exit code and what it said."""
    process = await begin(database, kafka, "replay", start)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, output.decode()


async def test_a_replay_gives_the_same_figures_though_the_service_is_killed_half_way(database, own_kafka, service_at):
    await publish(own_kafka, EVENTS)
    async with service_at(own_kafka):
        await until_counted(database, EVENTS)
    before = await sums(database)

    code, output = await replay(database, own_kafka, "beginning")
    assert code == 0, output
    assert await counted(database) == 0
    assert not any((await sums(database)).values())

    killed = await begin(database, own_kafka, "serve")
    await until_counted(database, 5)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    async with service_at(own_kafka):
        await until_counted(database, EVENTS)
    assert await sums(database) == before
    assert Counter(row[2] for row in before["event_counts"]).total() > 0


async def test_while_a_process_counts_nothing_is_changed(database, own_kafka, service_at):
    await publish(own_kafka, 30)
    async with service_at(own_kafka):
        await until_counted(database, 30)
        before = await sums(database)
        code, output = await replay(database, own_kafka, "beginning")
        assert code == 1
        assert "stop the service first" in output
        assert await sums(database) == before


async def test_a_rewind_whose_transaction_was_lost_changes_nothing(database, own_kafka, service_at):
    """As when the operation is killed between the two: every event comes again, and is known."""
    await publish(own_kafka, 60)
    async with service_at(own_kafka):
        await until_counted(database, 60)
    before = await sums(database)

    async with kafka_stream(own_kafka, bootstrap.SCHEMA, bootstrap.EVENT_STREAMS, utc_now) as stream:
        await stream.rewind()
    await publish(own_kafka, 15, NOW)
    async with service_at(own_kafka):
        await until_counted(database, 75)
    after = await sums(database)
    assert total(after) == total(before) + 15
    code, output = await replay(database, own_kafka, "beginning")
    assert code == 0, output
    async with service_at(own_kafka):
        await until_counted(database, 75)
    assert await sums(database) == after


async def test_only_later_hours_are_counted_anew(database, own_kafka, service_at):
    await publish(own_kafka, EVENTS)
    async with service_at(own_kafka):
        await until_counted(database, EVENTS)
    before = await sums(database)
    since = (NOW - 2 * HOUR).replace(minute=0)

    code, output = await replay(database, own_kafka, since.isoformat())
    assert code == 0, output
    kept = await sums(database)
    assert all(kept.values())
    assert kept == {name: [row for row in rows if row[1] < since] for name, rows in before.items()}
    async with service_at(own_kafka):
        await until_counted(database, EVENTS)
    assert await sums(database) == before


async def test_what_kafka_has_forgotten_is_not_forgotten_here(database, own_kafka, service_at):
    await publish(own_kafka, EVENTS)
    async with service_at(own_kafka):
        await until_counted(database, EVENTS)
    before = await sums(database)
    await drop_oldest(own_kafka)

    for start in ("beginning", (NOW - 3 * HOUR).replace(minute=0).isoformat()):
        code, output = await replay(database, own_kafka, start)
        assert code == 1
        first = datetime.fromisoformat(re.search(r"since (\S+) only", output)[1])
        assert timedelta() < first - datetime.now(UTC) <= HOUR
        assert await sums(database) == before
    code, output = await replay(database, own_kafka, first.isoformat())
    assert code == 0, output
    await publish(own_kafka, 15, first)
    async with service_at(own_kafka):
        await until_counted(database, EVENTS + 15)
    assert total(await sums(database)) == total(before) + 15


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("yesterday", "neither 'beginning' nor a time"),
        ("2026-11-01T00:00:00", "no time zone"),
        ("2026-11-01T00:30:00Z", "no whole hour"),
    ],
)
async def test_a_time_that_is_none_is_refused(database, own_kafka, start, told):
    code, output = await replay(database, own_kafka, start)
    assert code == 1
    assert told in output


def total(rows):
    return sum(row[3] for row in rows["event_counts"])


async def drop_oldest(kafka):
    """Delete the first record of each partition, as retention does."""
    admin = AIOKafkaAdminClient(**connection_options(kafka))
    await admin.start()
    try:
        name = kafka.qualified(topics.PROMPT_EVENTS.name)
        async with kafka_stream(kafka, "other", [topics.PROMPT_EVENTS], utc_now) as stream:
            ends = await stream.consumer.end_offsets(stream.consumer.assignment())
        await admin.delete_records(
            {TopicPartition(name, tp.partition): RecordsToDelete(before_offset=1) for tp, end in ends.items() if end}
        )
    finally:
        await admin.close()
