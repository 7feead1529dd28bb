"""A task that kills its workers is given up; one whose workers live is not, however often it changes hands."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from assay.prompt.v1.events_pb2 import PromptCreated
from assay_common.errors import NotFound, Unavailable
from assay_common.kafka.delivery import Abandoned, Delivery, WorkersDied
from assay_common.postgres.deaths import MAX_DEATHS, CountedTasks
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.postgres.tables import create_attempts
from assay_common.settings import DatabaseSettings

from .conftest import Notes, an_event

MIGRATIONS = Path(__file__).parents[1] / "postgres" / "migrations"
NOT_ALLOWED = "REVOKE DELETE ON notes.attempts FROM assay_notes_app"


class RunNotFound(NotFound):
    pass


class Doing(Notes):
    """Tasks that are done as `behave` says."""

    def __init__(self, behave=None):
        super().__init__(behave)
        self.abandoned = []

    async def abandon(self, abandoned):
        self.abandoned.append(abandoned)


class Owner:
    """A connection that sees everything."""

    def __init__(self, connection):
        self._connection = connection

    def execute(self, statement):
        return self._connection.execute(statement)

    async def attempts(self):
        """How many workers have begun each task and not taken it back."""
        rows = await self._connection.fetch("SELECT count(*) FROM notes.attempts GROUP BY event_id")
        return [row["count"] for row in rows]

    async def until_attempts(self, wanted):
        async with asyncio.timeout(30):
            while await self.attempts() != wanted:  # noqa: ASYNC110 - others' rows
                await asyncio.sleep(0.01)


class Statements(list):
    def execute(self, statement):
        self.append(statement)


@pytest.fixture
async def settings(make_database):
    made = await make_database("notes", logins=("assay_notes",))
    settings = DatabaseSettings(url=made.logins["assay_notes"], migration_url=made.owner_url)
    await asyncio.to_thread(migrate, settings, "notes", MIGRATIONS)
    return settings


@pytest.fixture
async def owner(settings):
    connection = await asyncpg.connect(settings.owner_url.get_secret_value())
    made = Statements()
    create_attempts(made, "notes")
    for statement in made:
        await connection.execute(statement)
    yield Owner(connection)
    await connection.close()


@pytest.fixture
async def database(settings, owner):
    async with pool(settings, "notes") as opened:
        yield opened


@pytest.fixture
def task():
    """Makes the delivery of a task."""

    def make(name="task"):
        return Delivery("tasks", 0, 0, name, an_event(), PromptCreated(name=name), 1)

    return make


@pytest.fixture
async def dies(database):
    """Lets a worker die over tasks, as far as the database can tell: it begins, and nothing more is heard of it."""
    silent = []

    async def over(*deliveries):
        doing = Doing(lambda _: asyncio.Event().wait())
        counted = CountedTasks(database, doing)
        silent.extend(asyncio.create_task(counted(each)) for each in deliveries)
        await doing.until(lambda notes: len(notes.begun) == len(deliveries))

    yield over
    for each in silent:
        each.cancel()
    await asyncio.gather(*silent, return_exceptions=True)


@asynccontextmanager
async def in_hand(counted, *deliveries):
    """A worker has tasks in hand while the block runs, and does them to the end after it."""
    tasks = [asyncio.create_task(counted(each)) for each in deliveries]
    yield
    await asyncio.gather(*tasks)


async def test_a_task_is_given_up_when_too_many_workers_have_died_over_it(database, dies, task, owner):
    deadly, other = task(), task()
    for _ in range(MAX_DEATHS):
        await dies(deadly)
    doing = Doing()
    counted = CountedTasks(database, doing)
    with pytest.raises(WorkersDied) as raised:
        await counted(deadly)
    await counted(other)
    assert doing.begun == [other]

    abandoned = Abandoned(deadly, raised.value)
    assert abandoned.reason == f"given up: {MAX_DEATHS} workers died over it"
    await counted.abandon(abandoned)
    assert doing.abandoned == [abandoned]
    assert await owner.attempts() == []
    await counted(deadly)  # an operator has handed it over once more
    assert doing.ended == [other, deadly]


async def test_it_has_its_last_try_before(database, dies, task, owner):
    deadly, doing = task(), Doing()
    for _ in range(MAX_DEATHS - 1):
        await dies(deadly)
    await CountedTasks(database, doing)(deadly)
    assert doing.ended == [deadly]
    assert await owner.attempts() == []


@pytest.mark.parametrize("error", [Unavailable("away"), RunNotFound("gone"), KeyError("bug"), asyncio.CancelledError()])
async def test_who_fails_and_lives_takes_the_attempt_back(database, task, owner, error):
    begun, troubled = [], task()

    async def fail(_):
        begun.append(await owner.attempts())
        raise error

    for _ in range(MAX_DEATHS + 1):
        with pytest.raises(type(error)):
            await CountedTasks(database, Doing(fail))(troubled)
    assert begun == [[1]] * (MAX_DEATHS + 1), "it is counted before it begins"
    assert await owner.attempts() == []


async def test_what_cannot_be_taken_back_does_not_count_for_who_comes_back(database, task, owner):
    """The error stays what it was, and the worker is not taken for dead by itself."""

    async def fail(_):
        raise Unavailable("the provider is away")

    await owner.execute(NOT_ALLOWED)
    counted, troubled = CountedTasks(database, Doing(fail)), task()
    with capture_logs() as logs:
        for _ in range(MAX_DEATHS + 2):
            with pytest.raises(Unavailable):
                await counted(troubled)
    assert len(logs) == MAX_DEATHS + 2
    assert await owner.attempts() == [1]


async def test_tasks_over_which_somebody_died_are_done_one_after_the_other(database, dies, task):
    """So that the innocent one is not in hand when the other kills again; new ones go on beside."""
    one, two, new = task("one"), task("two"), task("new")
    await dies(one, two)
    gate = asyncio.Event()
    doing = Doing(lambda _: gate.wait())
    async with in_hand(CountedTasks(database, doing), one, two):
        await doing.until(lambda notes: notes.begun)
        async with in_hand(CountedTasks(database, doing), new):
            await doing.until(lambda notes: new in notes.begun)
            assert len(doing.begun) == 2
            gate.set()
    assert len(doing.ended) == 3
    assert doing.most_running == 2


async def test_stops_in_the_middle_are_no_deaths(room, make_notes, database, owner):
    """Each worker is stopped with the task in hand, and its grace ends before the task."""
    await room.publish("long")
    for _ in range(MAX_DEATHS + 1):
        doing = Doing(lambda _: asyncio.Event().wait())
        consumer = room.consume(CountedTasks(database, doing), grace=3.1)  # three seconds of it are kept for leaving
        await doing.until(lambda notes: notes.begun)
        await consumer.stop()
        assert doing.names(doing.cancelled) == ["long"]
        assert await owner.attempts() == []
    last = make_notes()
    room.consume(CountedTasks(database, last))
    await last.until_ended(1)


async def test_a_partition_that_goes_elsewhere_is_no_death(make_room, database, owner):
    room = await make_room(partitions=2)
    gate = asyncio.Event()
    first, second = Doing(lambda _: gate.wait()), Doing(lambda _: gate.wait())
    keys = "abcdefgh"
    for key in keys:
        await room.publish(key, key=key)
    timing = {"drain_seconds": 0.3}
    room.consume(CountedTasks(database, first), timing=timing)
    await first.until(lambda notes: len(notes.begun) == 8)
    room.consume(CountedTasks(database, second), timing=timing)
    await second.until(lambda notes: notes.begun and len(notes.begun) == len(first.cancelled))
    await owner.until_attempts([1] * 8)
    gate.set()
    await room.until_committed(8)
    assert sorted(first.names() + second.names()) == list(keys)
    await owner.until_attempts([])
