import asyncio

import pytest

from assay_common.errors import Unavailable
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import DATABASE_POOL_IDLE, DATABASE_POOL_SIZE
from assay_common.postgres import pool as pools
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import DatabaseUnavailable, pool
from assay_common.settings import DatabaseSettings


async def test_connections_take_the_app_role_the_schema_and_the_limits(database):
    async def show(name):
        return await database.fetchval(f"SHOW {name}")

    assert await database.fetchval("SELECT current_user") == "assay_notes_app"
    assert await show("search_path") == "notes"
    assert await show("application_name") == "assay-notes"
    assert await show("statement_timeout") == "30s"
    assert await show("idle_in_transaction_session_timeout") == "1min"
    assert await show("timezone") == "UTC"


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "é\n"]}, [], "text", 7, None])
async def test_json_is_python_objects(database, value):
    assert await database.fetchval("SELECT $1::jsonb", value) == value


async def test_the_process_is_ready_while_the_database_answers(settings):
    lifecycle = Lifecycle()
    lifecycle.started = True
    async with pool(settings, "notes", lifecycle) as opened:
        assert await lifecycle.probe()
        await opened.close()
        assert not await lifecycle.probe()
        assert "postgres" in lifecycle.problems


async def test_the_metrics_tell_how_many_connections_are_open_and_idle(database):
    def gauges():
        return [next(iter(gauge.collect())).samples[0].value for gauge in (DATABASE_POOL_SIZE, DATABASE_POOL_IDLE)]

    assert gauges() == [1, 1]
    async with database.acquire():
        assert gauges() == [1, 0]


async def test_a_service_that_starts_before_its_role_exists_waits_for_it(empty, migrations_path):
    async with asyncio.TaskGroup() as tasks:

        async def start():
            async with pool(empty, "notes") as opened:
                return await opened.fetchval("SELECT current_user")

        starting = tasks.create_task(start())
        await asyncio.to_thread(migrate, empty, "notes", migrations_path)
    assert starting.result() == "assay_notes_app"


async def test_a_database_that_stays_away_is_named_after_the_deadline(monkeypatch, unused_port):
    monkeypatch.setattr(pools, "START_DEADLINE", 0.3)
    settings = DatabaseSettings(url=f"postgresql://nobody:secret@127.0.0.1:{unused_port}/none")
    with pytest.raises(DatabaseUnavailable) as failed:
        async with pool(settings, "notes"):
            pass
    assert isinstance(failed.value, Unavailable)
    assert "secret" not in str(failed.value)


async def test_a_wrong_password_is_not_waited_for(settings):
    url = settings.url.get_secret_value().replace("assay_notes:", "assay_notes:wrong")
    with pytest.raises(Exception, match="password authentication failed"):
        async with asyncio.timeout(30), pool(DatabaseSettings(url=url), "notes"):
            pass
