"""The worker process's parts together: tasks from Kafka, results in PostgreSQL, events back to Kafka."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg
import grpc
import pytest
from aiokafka import AIOKafkaConsumer
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from assay.evaluation.v1 import runs_pb2 as pb
from assay.evaluation.v1 import tasks_pb2
from assay_common.clock import utc_now
from assay_common.kafka.connection import connection_options
from assay_common.kafka.consumer import consume
from assay_common.kafka.dead_letters.letters import hand_over, read_letters
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.deaths import MAX_DEATHS
from assay_evaluation import bootstrap
from assay_evaluation.settings import WorkerSettings, WorkSettings
from assay_protos import topics

ROWS = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(40)]

CUT_ALL = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'assay-evaluation' AND datname = current_database()
"""


@asynccontextmanager
async def running(start, grace_seconds=10):
    """A part of a process, in a lifecycle of its own."""
    lifecycle = Lifecycle(grace_seconds)
    async with start(lifecycle):
        yield lifecycle
        lifecycle.stop()
        await lifecycle.drain()
    assert lifecycle.failure is None


@pytest.fixture
def work_settings(database, kafka_settings, models):
    return WorkSettings(
        database=database, kafka=kafka_settings, models=models, worker=WorkerSettings(item_seconds=20, requests=4)
    )


@pytest.fixture
async def at_work(work_settings):
    """Two workers in this process."""
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(running(lambda lifecycle: bootstrap.work(work_settings, lifecycle)))
        yield work_settings


@pytest.fixture
async def published(kafka_settings):
    """What arrives on the topic of events: (CloudEvent, message)."""
    seen = []

    async def note(delivery):
        seen.append(delivery)

    @asynccontextmanager
    async def listening(lifecycle):
        lifecycle.spawn(
            "listener",
            consume(
                lifecycle,
                kafka_settings,
                group=f"test-{uuid4()}",
                topics=[topics.EVALUATION_EVENTS],
                handler=note,
            ),
        )
        yield

    async with running(listening):
        yield seen


async def test_a_run_goes_through_kafka_and_back(caller, at_work, published, eventually):
    run = await caller.start(await caller.import_rows(ROWS))

    async def completed():
        found = await caller.run(run.id)
        return found if found.status == pb.RUN_STATUS_COMPLETED else None

    done = await eventually(completed, seconds=120)
    assert (done.progress.measured, done.progress.unmeasured) == (40, 0)
    assert [result.index for result in await caller.results(run.id)] == [*range(40)]

    async def told():
        mine = [one for one in published if one.event.org_id == caller.org_id and one.key == run.id]
        return mine if mine and mine[-1].event.type.endswith("RunCompleted") else None

    mine = await eventually(told)
    kinds = [one.event.type.rsplit(".", 1)[1] for one in mine]
    assert kinds == ["RunCreated", *["ItemsMeasured"] * 5, "RunCompleted"]
    assert mine[-1].message.run == done
    measured = [one.message.progress.measured for one in mine[1:-1]]
    assert measured == sorted(measured)
    assert measured[-1] == 40


async def test_a_database_that_goes_away_in_mid_run_loses_nothing(
    caller, database, at_work, provider, eventually, stored_events
):
    """All connections are cut while answers are on their way: the tasks are tried again, and the run ends complete."""
    provider.answer = lambda prompt, _nth: provider.released.wait(0.3) or prompt.partition(": ")[2]
    run = await caller.start(await caller.import_rows(ROWS))

    async def in_the_middle():
        progress = (await caller.run(run.id)).progress
        return progress.measured >= 8 and len(provider.asked) > progress.measured

    await eventually(in_the_middle, seconds=120)
    owner = await asyncpg.connect(database.owner_url.get_secret_value())
    assert await owner.fetchval(CUT_ALL) >= 3
    await owner.close()

    async def completed():
        try:
            found = await caller.run(run.id)
        except grpc.aio.AioRpcError as error:  # the service's own connections were cut too
            assert error.code() is grpc.StatusCode.UNAVAILABLE, error
            return None
        return found if found.status == pb.RUN_STATUS_COMPLETED else None

    done = await eventually(completed, seconds=120)
    assert (done.progress.measured, done.summaries[0].passed) == (40, 40)
    assert [result.index for result in await caller.results(run.id)] == [*range(40)]
    kinds = [kind for kind, _ in await stored_events(caller.org_id)]
    assert kinds.count("RunCompleted") == 1


@pytest.fixture
async def dead_letters(kafka_settings):
    """Reads the dead letters of the tasks."""
    name = topics.EVALUATION_TASKS.dead_letters
    consumer = AIOKafkaConsumer(
        f"{kafka_settings.namespace}{name}", **connection_options(kafka_settings), auto_offset_reset="earliest"
    )
    await consumer.start()
    yield consumer
    await consumer.stop()


async def test_a_task_that_cannot_be_done_is_put_aside_and_the_next_is_done(
    caller, kafka_settings, at_work, dead_letters, eventually
):
    broken = {
        "RUN_NOT_FOUND": (tasks_pb2.EvaluateItems(run_id=str(uuid4()), indexes=[0]), uuid4()),
        "MALFORMED_TASK": (tasks_pb2.EvaluateItems(run_id="no id", indexes=[0]), uuid4()),
    }
    sent = set()
    async with producer(kafka_settings) as events:
        for task, org_id in broken.values():
            event = CloudEvent(
                id=uuid4(),
                type="assay.evaluation.v1.EvaluateItems",
                source="assay/evaluation",
                time=utc_now(),
                subject="x",
                org_id=org_id,
            )
            sent.add(event.id)
            payload = task.SerializeToString()
            await (await events.publish(topics.EVALUATION_TASKS.name, key="x", event=event, payload=payload))
    reasons = {}
    async with asyncio.timeout(60):
        while reasons.keys() != broken.keys():
            record = await dead_letters.getone()
            if CloudEvent.from_headers(record.headers).id in sent:  # others are of other tests
                name, _, why = dict(record.headers)["dlq_reason"].decode().partition(": ")
                reasons[name] = why
    assert reasons["MALFORMED_TASK"] == "the run's id 'no id' is no id"
    run = await caller.start(await caller.import_rows(ROWS[:3]))

    async def completed():
        return (await caller.run(run.id)).status == pb.RUN_STATUS_COMPLETED

    await eventually(completed, seconds=120)


@pytest.fixture
def plain_logs():
    """Kept as they are: five tracebacks drawn for people would take longer than the test."""
    with capture_logs() as entries:
        yield entries


def tasks_done():
    return REGISTRY.get_sample_value("kafka_consumed_total", {"topic": topics.EVALUATION_TASKS.name, "outcome": "done"})


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("plain_logs")
async def test_a_task_that_nobody_can_do_leaves_its_items_unmeasured_and_its_run_ends(
    caller, work_settings, kafka_settings, spoil, eventually, stored_events
):
    run = await caller.start(await caller.import_rows(ROWS[:20]))
    mend = await spoil(run.id, 3)
    async with running(lambda lifecycle: bootstrap.work(work_settings, lifecycle)):

        async def completed():
            found = await caller.run(run.id)
            return found if found.status == pb.RUN_STATUS_COMPLETED else None

        done = await eventually(completed, seconds=120)
        assert (done.progress.measured, done.progress.unmeasured) == (12, 8)
        results = await caller.results(run.id)
        assert [result.unmeasured_reason for result in results] == ["given up after 5 tries: KeyError"] * 8 + [""] * 12
        kinds = [kind for kind, _ in await stored_events(caller.org_id)]
        assert (kinds.count("ItemsMeasured"), kinds.count("RunCompleted")) == (3, 1)

        # Whoever repairs the item and hands the task over once more does no harm: what was told stays true.
        await mend()
        letters = await read_letters(kafka_settings, [topics.EVALUATION_TASKS])
        (letter,) = [each for each in letters if (each.key or b"").decode().startswith(run.id)]
        assert letter.reason.startswith("KeyError: ")
        before = tasks_done()
        async with producer(kafka_settings) as sender:
            await hand_over(kafka_settings, sender, letter)

        async def handled():
            return tasks_done() > before

        await eventually(handled)
        assert await caller.run(run.id) == done
        assert await caller.results(run.id) == results
        assert [kind for kind, _ in await stored_events(caller.org_id)] == kinds


@pytest.fixture
def attempts(caller, connections):
    """How many attempts at the organisation's tasks are not taken back; others have theirs in the same table."""

    async def count():
        async with connections.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(caller.org_id))
            return await connection.fetchval(
                "SELECT count(*) FROM attempts JOIN events ON events.id = attempts.event_id"
            )

    return count


@pytest.mark.timeout(300)
async def test_workers_that_are_stopped_in_the_middle_do_not_count_as_dead(
    caller, work_settings, provider, attempts, eventually
):
    """Each has the task in hand when it is told to stop, and its grace ends before the model answers."""
    provider.answer = lambda _prompt, _nth: TimeoutError
    run = await caller.start(await caller.import_rows(ROWS[:4]))
    for asked in range(4, 4 * (MAX_DEATHS + 2), 4):

        async def in_hand(wanted=asked):
            return len(provider.asked) == wanted

        async with running(lambda lifecycle: bootstrap.work(work_settings, lifecycle), grace_seconds=3.1):
            await eventually(in_hand)
            assert await attempts() == 1
        assert await attempts() == 0
    provider.answer = lambda prompt, _nth: prompt.partition(": ")[2]
    async with running(lambda lifecycle: bootstrap.work(work_settings, lifecycle)):

        async def completed():
            found = await caller.run(run.id)
            return found if found.status == pb.RUN_STATUS_COMPLETED else None

        assert (await eventually(completed)).progress.measured == 4
