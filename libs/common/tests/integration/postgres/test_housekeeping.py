"""Old rows go, a few at a time; whatever is needed stays, for the database itself refuses to let go of it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from assay_common.kafka.topics import DEAD_LETTER_RETENTION_HOURS
from assay_common.lifecycle import Lifecycle
from assay_common.postgres import housekeeping
from assay_common.postgres.housekeeping import Expendable, Housekeeper, handled_events, keep_house, published_events
from assay_common.postgres.pool import pool
from assay_common.postgres.tables import let_forget, unlet_forget
from assay_common.settings import HousekeepingSettings
from assay_protos.topics import ALL

SCHEMA = "notes"
DEFAULTS = HousekeepingSettings()
OLD = [handled_events(DEFAULTS), published_events(DEFAULTS)]
IN_TENS = [replace(each, batch=10) for each in OLD]
NOT_STOPPING = asyncio.Event()
LOCKS = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND datname = current_database()
"""

_HANDLED = "INSERT INTO inbox (consumer, event_id, received_at) VALUES ('c', $1, now() - $2::interval)"
_PUBLISHED = """
    INSERT INTO events (id, org_id, topic, key, aggregate_type, aggregate_id, type, payload, published_at)
    VALUES ($1, $1, 't', 'k', 'a', $1, 'x', '', now() - $2::interval)
"""


class Statements:
    """Notes what a migration would run."""

    def __init__(self):
        self.all = []

    def execute(self, statement):
        self.all.append(statement)


@pytest.fixture
async def permitted(database, superuser):
    """As after the migration that lets rows go."""
    migration = Statements()
    let_forget(migration, SCHEMA, events=True)
    for statement in migration.all:
        await superuser.execute(statement)


@pytest.fixture
def rows(superuser):
    """Puts rows of these ages (in days; None = not published) into a table, and reads what ages are left."""

    class Rows:
        async def put(self, inbox=(), events=()):
            aged = [(uuid4(), timedelta(days=days)) for days in inbox]
            await superuser.executemany(_HANDLED, aged)
            aged = [(uuid4(), None if days is None else timedelta(days=days)) for days in events]
            await superuser.executemany(_PUBLISHED, aged)

        async def count(self, table):
            return await superuser.fetchval(f"SELECT count(*) FROM {table}")

        async def ages(self, table, column):
            return [
                row["age"] if row["age"] is None else round(row["age"])
                for row in await superuser.fetch(
                    f"SELECT extract(epoch FROM now() - {column})::float / 86400 AS age FROM {table} ORDER BY {column}"
                )
            ]

    return Rows()


def removed(table):
    return REGISTRY.get_sample_value("housekeeping_removed_total", {"schema": SCHEMA, "table": table})


@pytest.mark.usefixtures("permitted")
async def test_what_is_old_goes_and_the_rest_stays(database, rows):
    await rows.put(inbox=[0, 59, 61, 400], events=[None, 0, 89, 91, 400])
    before = removed("inbox") or 0, removed("events") or 0
    assert await Housekeeper(database, SCHEMA, OLD).clean(NOT_STOPPING) == 4
    assert await rows.ages("inbox", "received_at") == [59, 0]
    assert await rows.ages("events", "published_at") == [89, 0, None]
    assert (removed("inbox"), removed("events")) == (before[0] + 2, before[1] + 2)
    assert await Housekeeper(database, SCHEMA, OLD).clean(NOT_STOPPING) == 0


@pytest.mark.usefixtures("permitted")
async def test_the_database_lets_go_of_no_event_that_waits_or_is_young(database, rows):
    """Whatever the list says."""
    await rows.put(events=[None, 29, 31])
    everything = Expendable("events", "occurred_at < $1", timedelta(seconds=-60))
    assert await Housekeeper(database, SCHEMA, [everything]).clean(NOT_STOPPING) == 1
    assert await rows.ages("events", "published_at") == [29, None]


async def test_without_permission_nothing_goes(database, rows):
    await rows.put(inbox=[400], events=[400])
    for one in OLD:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await Housekeeper(database, SCHEMA, [one]).clean(NOT_STOPPING)
    assert (await rows.count("inbox"), await rows.count("events")) == (1, 1)


async def test_the_permission_can_be_taken_back(superuser, rows, permitted, database):
    migration = Statements()
    unlet_forget(migration, SCHEMA, events=True)
    for statement in migration.all:
        await superuser.execute(statement)
    await test_without_permission_nothing_goes(database, rows)


@pytest.mark.usefixtures("permitted")
async def test_a_backlog_goes_in_batches_by_one_replica_at_a_time(settings, rows, superuser):
    """Two replicas at once: one does it all, the other nothing; each batch is committed by itself."""
    await rows.put(inbox=[100] * 95 + [1])
    async with pool(settings, SCHEMA) as one, pool(settings, SCHEMA) as two:
        first, second = (Housekeeper(each, SCHEMA, IN_TENS) for each in (one, two))
        counts = await asyncio.gather(first.clean(NOT_STOPPING), second.clean(NOT_STOPPING))
        assert sum(counts) == 95
        assert await rows.count("inbox") == 1
        assert await superuser.fetchval(LOCKS) == 0


@asynccontextmanager
async def held_at(superuser, row_age):
    """Nobody can delete the row of this age while the block runs."""
    async with superuser.transaction():
        lock = "SELECT FROM inbox WHERE received_at < now() - $1::interval FOR UPDATE"
        await superuser.execute(lock, timedelta(days=row_age))
        yield


@pytest.mark.usefixtures("permitted")
async def test_one_that_dies_in_the_middle_leaves_the_rest_to_the_next(settings, rows, superuser):
    """Its session is ended while it waits for a row in its third batch."""
    await rows.put(inbox=[100] * 25)
    await rows.put(inbox=[200])
    async with pool(settings, SCHEMA) as one, pool(settings, SCHEMA) as two:
        async with held_at(superuser, 150):
            dying = asyncio.create_task(Housekeeper(one, SCHEMA, IN_TENS).clean(NOT_STOPPING))
            waits = "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = $1"
            name = await superuser.fetchval("SELECT current_database()")
            async with asyncio.timeout(30):
                while not (pid := await superuser.fetchval(waits, name)):  # noqa: ASYNC110 - another session's
                    await asyncio.sleep(0.01)
            assert await Housekeeper(two, SCHEMA, IN_TENS).clean(NOT_STOPPING) == 0
            await superuser.execute("SELECT pg_terminate_backend($1)", pid)
            with pytest.raises(housekeeping.DATABASE_AWAY):
                await dying
        assert await rows.count("inbox") == 6
        assert await Housekeeper(two, SCHEMA, IN_TENS).clean(NOT_STOPPING) == 6


@pytest.mark.usefixtures("permitted")
async def test_one_that_is_to_stop_begins_no_other_batch(database, rows):
    await rows.put(inbox=[100] * 25)
    stopping = asyncio.Event()
    stopping.set()
    assert await Housekeeper(database, SCHEMA, IN_TENS).clean(stopping) == 0
    assert await rows.count("inbox") == 25


@pytest.mark.usefixtures("permitted")
async def test_it_goes_on_round_after_round_and_ends_with_the_process(database, rows, superuser):
    lifecycle = Lifecycle(grace_seconds=5)
    lifecycle.spawn(
        "housekeeping", keep_house(database, SCHEMA, OLD, HousekeepingSettings(every_seconds=0.1), lifecycle)
    )
    for _ in range(2):
        await rows.put(inbox=[100])
        async with asyncio.timeout(30):
            while await rows.count("inbox"):  # noqa: ASYNC110 - another task's
                await asyncio.sleep(0.01)
        # A database that fails for once ends nothing.
        await superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'assay_notes'")
    lifecycle.stop()
    await lifecycle.drain()
    assert lifecycle.failure is None


def test_the_inbox_is_kept_longer_than_an_event_can_come_again():
    hours = max(topic.retention_hours for topic in ALL) + DEAD_LETTER_RETENTION_HOURS
    with pytest.raises(ValidationError):
        HousekeepingSettings(inbox_days=hours // 24)
    assert HousekeepingSettings(inbox_days=hours // 24 + 1).inbox_days * 24 > hours
    with pytest.raises(ValidationError):
        HousekeepingSettings(events_days=30)
