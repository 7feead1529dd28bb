"""Consumer groups are taken back to a moment, and events without a row are named."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from assay.prompt.v1.events_pb2 import PromptCreated
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.kafka.topics import ensure_topics
from assay_common.postgres.migrations import migrate
from assay_common.recovery.__main__ import main
from assay_common.recovery.lost import lost_events
from assay_common.recovery.rewind import StillConsuming, rewind
from assay_common.settings import DatabaseSettings
from assay_protos import topics

TOPIC = topics.PROMPT_EVENTS


@pytest.fixture
async def own(kafka_settings):
    """An installation's namespace with the topic of prompts."""
    settings = kafka_settings.model_copy(update={"namespace": f"recovery-{uuid4().hex[:8]}."})
    await ensure_topics(settings, [TOPIC])
    return settings


async def publish(settings, *names):
    """One event a name; returns their ids."""
    ids = []
    async with producer(settings) as sender:
        for name in names:
            event = CloudEvent(uuid4(), PromptCreated.DESCRIPTOR.full_name, "prompt", datetime.now(UTC), "p", uuid4())
            payload = PromptCreated(name=name).SerializeToString()
            await (await sender.publish(TOPIC.name, key=name, event=event, payload=payload))
            ids.append(event.id)
    return ids


async def committed(settings, group):
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(settings.qualified(group))
        return sum(at.offset for at in offsets.values())
    except GroupCoordinatorNotAvailableError:  # a Kafka whose first group this is
        return 0
    finally:
        await admin.close()


async def until_committed(settings, group, count):
    async with asyncio.timeout(30):
        while await committed(settings, group) < count:  # noqa: ASYNC110 - Kafka is another process
            await asyncio.sleep(0.05)


async def test_what_came_since_a_moment_comes_again(make_room, own, make_notes):
    room = await make_room(settings=own, exists=False)
    room.topic = TOPIC
    await publish(own, "a", "b", "c")
    await asyncio.sleep(0.01)
    moment = datetime.now(UTC)
    await publish(own, "d", "e")
    notes = make_notes()
    consumer = room.consume(notes)
    await until_committed(own, room.group, 5)
    with pytest.raises(StillConsuming, match=room.group):
        await rewind(own, moment)
    assert await committed(own, room.group) == 5

    await consumer.stop()
    (done,) = await rewind(own, moment)
    assert (done.group, done.messages) == (own.qualified(room.group), 2)
    (done,) = await rewind(own, moment + timedelta(days=1))
    assert done.messages == 0, "never forward"
    again = make_notes()
    room.consume(again)
    await again.until_ended(2)
    assert sorted(again.names()) == ["d", "e"]


async def test_an_installation_does_not_rewind_another(make_room, own, kafka_settings, make_notes):
    room = await make_room(settings=own, exists=False)
    room.topic = TOPIC
    await publish(own, "a")
    consumer = room.consume(make_notes())
    await until_committed(own, room.group, 1)
    await consumer.stop()
    other = own.model_copy(update={"namespace": f"recovery-{uuid4().hex[:8]}."})
    await ensure_topics(other, [TOPIC])
    assert await rewind(other, datetime.now(UTC) - timedelta(hours=1)) == []
    assert await committed(own, room.group) == 1


async def test_events_without_a_row_are_named(own, make_database, tmp_path):
    made = await make_database("recovery", logins=("assay_prompt",))
    settings = DatabaseSettings(url=made.logins["assay_prompt"], migration_url=made.owner_url)
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001_events.py").write_text(
        "from alembic import op\nfrom assay_common.postgres.migrations import create_event_tables\n"
        'revision, down_revision = "0001", None\n\n\ndef upgrade():\n    create_event_tables(op, "prompt")\n'
    )
    await asyncio.to_thread(migrate, settings, "prompt", tmp_path)
    since = datetime.now(UTC) - timedelta(seconds=1)
    kept, lost = await publish(own, "kept", "lost")
    await insert(made.owner_url, kept)

    found = [each async for each in lost_events(settings, own, "prompt", since)]
    assert [each.event.id for each in found] == [lost]
    assert PromptCreated.FromString(found[0].payload).name == "lost"
    assert [each async for each in lost_events(settings, own, "prompt", datetime.now(UTC))] == []


async def insert(url, event_id: UUID):
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET row_security = off")
        await connection.execute(
            "INSERT INTO prompt.events (id, org_id, topic, key, aggregate_type, aggregate_id, type, payload) "
            "VALUES ($1, $1, 't', 'k', 'a', $1, 't', '')",
            event_id,
        )
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "arguments", [["rewind"], ["rewind", "2026-01-01"], ["lost", "nobody", "2026-01-01T00:00:00Z"]]
)
def test_what_cannot_be_understood_is_told(arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
