"""What happens to work when consumers come, go, die and lose Kafka."""

import asyncio
import sys
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from assay_common.kafka.topics import ensure_topics
from assay_common.settings import KafkaSettings
from assay_local.components import Kafka

WORKER = Path(__file__).with_name("worker.py")


class WorkerProcess:
    def __init__(self, process):
        self._process = process

    async def says(self, *lines):
        for line in lines:
            async with asyncio.timeout(30):
                assert (await self._process.stderr.readline()).decode().strip() == line

    def terminate(self):
        self._process.terminate()

    async def kill(self):
        self._process.kill()
        await self._process.wait()

    async def ends_with(self, code):
        async with asyncio.timeout(30):
            rest = (await self._process.stderr.read()).decode()
            assert await self._process.wait() == code
            return rest


@pytest.fixture
def start_worker(room, start_worker_in):
    return lambda: start_worker_in(room)


@pytest.fixture
def start_worker_in(tmp_path):
    @asynccontextmanager
    async def start(room, session_ms=6000):
        kafka = room.settings.bootstrap_servers, room.settings.namespace
        arguments = (room.topic.name, room.group, tmp_path, *kafka, str(session_ms))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            WORKER,
            *arguments,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        worker = WorkerProcess(process)
        try:
            yield worker
        finally:
            if process.returncode is None:
                await worker.kill()

    return start


async def test_what_a_killed_consumer_was_doing_is_delivered_to_another(room, make_notes, start_worker, tmp_path):
    (tmp_path / "stuck").touch()
    await room.publish("done", "stuck", "next")
    async with start_worker() as worker:
        await worker.says("begun done", "ended done", "begun stuck")
        await room.until_committed(1)
        await worker.kill()
    notes = make_notes()
    room.consume(notes)
    await notes.until_ended(2)
    assert notes.names() == ["stuck", "next"]
    await room.until_committed(3)


async def test_sigterm_lets_what_runs_finish_commits_it_and_leaves_the_rest(room, make_notes, start_worker, tmp_path):
    (tmp_path / "long").touch()
    await room.publish("long", "queued")
    async with start_worker() as worker:
        await worker.says("begun long")
        worker.terminate()
        await worker.says("stopping")
        notes = make_notes()
        room.consume(notes)  # does not get anything while the other drains, or only what the other gave back
        (tmp_path / "long").unlink()
        await worker.says("ended long")
        assert await worker.ends_with(0) == ""
    await notes.until_ended(1)
    assert notes.names() == ["queued"]
    assert await room.until_committed(2) == {0: 2}


async def test_who_leaves_hands_over_at_once(make_room, make_notes, start_worker_in, tmp_path):
    """The others do not wait until the group misses the one that left: that would take a minute here."""
    room = await make_room(partitions=2)
    (tmp_path / "held").touch()
    for key in ("a", "b", "c", "d"):
        await room.publish("held", key=key)
    async with start_worker_in(room, session_ms=60_000) as worker:
        await worker.says(*["begun held"] * 4)
        worker.terminate()
        await worker.says("stopping")
        for key in ("a", "b", "c", "d"):
            await room.publish(f"next {key}", key=key)
        (tmp_path / "held").unlink()
        await worker.says(*["ended held"] * 4)
        assert await worker.ends_with(0) == ""
    left = asyncio.get_running_loop().time()
    notes = make_notes()
    room.consume(notes, timing={"session_ms": 60_000})
    await notes.until_ended(4)
    assert asyncio.get_running_loop().time() - left < 10
    assert sorted(notes.names()) == ["next a", "next b", "next c", "next d"]


async def test_work_that_outlives_the_grace_is_cancelled_and_delivered_again(room, make_notes):
    never = asyncio.Event()
    first = make_notes(lambda _: never.wait())
    await room.publish("endless")
    consumer = room.consume(first, grace=3.5)  # three seconds of it are kept for leaving
    await first.until(lambda notes: notes.begun)
    await consumer.stop()
    assert consumer.task.done()
    assert first.names(first.cancelled) == ["endless"]
    second = make_notes()
    room.consume(second)
    await second.until_ended(1)


async def test_who_is_cancelled_at_the_end_may_take_something_back_first(room, make_notes):
    taken_back = []

    async def work(delivery):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)  # as a database that is slow
            taken_back.append(delivery.message.name)

    notes = make_notes(work)
    await room.publish("endless")
    consumer = room.consume(notes, grace=3.1)
    await notes.until(lambda notes: notes.begun)
    await consumer.stop()
    assert taken_back == ["endless"]


async def test_a_rebalance_drains_so_that_nothing_is_done_twice(make_room, make_notes):
    room = await make_room(partitions=4)
    gate = asyncio.Event()
    first, second = make_notes(lambda _: gate.wait()), make_notes()
    for i in range(40):
        await room.publish(str(i), key=str(i))
    room.consume(first, concurrency=8)
    await first.until(lambda notes: len(notes.begun) == 8)
    room.consume(second)
    # The first is told to give up its partitions, and holds up the group until what it runs is done.
    await asyncio.sleep(1)
    assert (len(first.begun), len(second.begun)) == (8, 0)
    gate.set()
    await room.until_committed(40)
    assert Counter(first.names() + second.names()) == Counter(map(str, range(40)))
    assert second.ended


async def test_work_longer_than_a_rebalance_goes_on_where_its_partition_stays(make_room, make_notes):
    room = await make_room(partitions=2)
    gate = asyncio.Event()
    first, second = make_notes(lambda _: gate.wait()), make_notes(lambda _: gate.wait())
    timing = {"drain_seconds": 0.3}
    for key in ("a", "b", "c", "d", "e", "f", "g", "h"):
        await room.publish(key, key=key)
    room.consume(first, timing=timing)
    await first.until(lambda notes: len(notes.begun) == 8)
    room.consume(second, timing=timing)
    await second.until(lambda notes: notes.begun and len(notes.begun) == len(first.cancelled))
    assert sorted(second.names(second.begun)) == sorted(first.names(first.cancelled))
    assert first.running == 8 - len(second.begun) > 0
    gate.set()
    await room.until_committed(8)
    assert sorted(first.names() + second.names()) == list("abcdefgh")
    assert len(first.begun) == 8


async def test_order_per_key_survives_consumers_that_come_and_go(make_room, make_notes):
    room = await make_room(partitions=6)
    turns = make_notes(lambda _: asyncio.sleep(0.002))
    keys, rounds = [str(key) for key in range(30)], 20

    async def publish():
        for i in range(rounds):
            for key in keys:
                await room.publish(f"{key}:{i}", key=key)

    publishing = asyncio.create_task(publish())
    consumers = [room.consume(turns)]
    for _ in range(3):
        await turns.until_ended(len(turns.ended) + 60)
        consumers.append(room.consume(turns))
    await consumers.pop(0).stop()
    await publishing
    await room.until_committed(len(keys) * rounds)
    for key in keys:
        order = [int(delivery.message.name.split(":")[1]) for delivery in turns.ended if delivery.key == key]
        firsts = list(dict.fromkeys(order))
        assert firsts == list(range(rounds))


async def test_slow_work_does_not_cost_the_membership(room, make_notes):
    timing = {"max_poll_ms": 1000}
    notes = make_notes(lambda delivery: asyncio.sleep(8 if delivery.message.name == "slow" else 0))
    await room.publish("slow", "second", "third", "fourth")
    room.consume(notes, concurrency=1, timing=timing)
    await notes.until(lambda n: n.begun)
    before = await members(room)
    await notes.until_ended(4)
    assert notes.names(notes.begun) == ["slow", "second", "third", "fourth"]
    assert await members(room) == before


async def members(room):
    admin = AIOKafkaAdminClient(bootstrap_servers=room.settings.bootstrap_servers)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([room.settings.qualified(room.group)])
        [group] = answer.groups
        return [member[0] for member in group[5]]
    finally:
        await admin.close()


async def test_a_consumer_waits_for_its_topic(make_room, make_notes):
    room = await make_room(exists=False)
    notes = make_notes()
    room.consume(notes)
    await ensure_topics(room.settings, [room.topic])
    await room.publish("at last")
    await notes.until_ended(1)


async def test_kafka_may_go_away_and_come_back(make_site, make_room, make_notes):
    kafka = Kafka(make_site())
    await kafka.start()
    try:
        room = await make_room(3, KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))
        notes = make_notes()
        room.consume(notes)
        await room.publish("before")
        await notes.until_ended(1)
        await kafka.stop()
        waiting = asyncio.create_task(room.publish("while", "away"))
        await asyncio.sleep(8)  # longer than a session
        await kafka.start()
        await waiting
        await room.publish("after")
        await notes.until_ended(4, seconds=60)
        assert list(dict.fromkeys(notes.names())) == ["before", "while", "away", "after"]
        await room.until_committed(4)
    finally:
        await kafka.stop()
