"""Partitions are added to a topic while it is written and read: every message arrives, none is handled twice."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from assay_common.kafka import membership, producer
from assay_common.kafka.connection import connection_options


@pytest.fixture
def quick_metadata(monkeypatch):
    """Clients look for new partitions every second instead of every five minutes."""

    def options(settings):
        return connection_options(settings) | {"metadata_max_age_ms": 1000}

    for module in (membership, producer):
        monkeypatch.setattr(module, "connection_options", options)


async def partitioned(room, number):
    """Give the room's topic so many partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=room.settings.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_partitions({room.settings.qualified(room.topic.name): NewPartitions(number)})
    finally:
        await admin.close()


async def test_partitions_are_added_under_load(quick_metadata, make_room, make_notes):
    room = await make_room(partitions=2)
    notes = make_notes()
    for _ in range(2):
        room.consume(notes)
    stop, written = asyncio.Event(), []

    async def write():
        while not stop.is_set():
            written.append(f"m{len(written)}")
            await room.publish(written[-1], key=f"k{len(written) % 50}")
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(write())
    await notes.until_ended(50)
    await partitioned(room, 6)
    await notes.until(lambda notes: {each.partition for each in notes.ended} == set(range(6)), 60)
    stop.set()
    await writing
    await notes.until_ended(len(written), 60)

    assert sorted(notes.names()) == sorted(written)
    by_partition = {}
    for delivery in notes.ended:
        by_partition.setdefault((delivery.partition, delivery.key), []).append(delivery.offset)
    assert all(offsets == sorted(offsets) for offsets in by_partition.values()), "order per key within a partition"


async def test_order_of_keys_is_kept_when_writers_wait(quick_metadata, make_room, make_notes):
    """The procedure for who needs it: stop writing, wait until nothing waits, add, go on."""
    room = await make_room(partitions=1)
    notes = make_notes()
    room.consume(notes)
    names = [f"m{number}" for number in range(40)]
    for number, name in enumerate(names[:20]):
        await room.publish(name, key=f"k{number % 5}")
    await room.until_committed(20)
    await partitioned(room, 4)
    await asyncio.sleep(1.5)  # the writer's knowledge of the topic grows old
    for number, name in enumerate(names[20:]):
        await room.publish(name, key=f"k{number % 5}")
    await notes.until_ended(40, 60)
    for number in range(5):
        of_key = [delivery.message.name for delivery in notes.ended if delivery.key == f"k{number}"]
        assert of_key == names[number::5]
