"""What the database itself forbids: no statement of the service gets past these walls."""

from uuid import uuid4

import asyncpg
import pytest

from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork


async def test_without_a_tenant_a_query_returns_nothing(uow, database, org, add_note):
    async with uow(org) as tx:
        await add_note(tx)
    assert await database.fetch("SELECT * FROM notes") == []
    assert await database.fetchval("SELECT count(*) FROM notes") == 0


async def test_without_a_tenant_nothing_can_be_written(database):
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await database.execute("INSERT INTO notes (id, org_id, body) VALUES ($1, $1, 'x')", uuid4())


async def test_another_organisation_s_rows_can_be_neither_seen_nor_changed(uow, org, add_note, bodies):
    async with uow(org) as tx:
        note = await add_note(tx, "ours")
    async with uow(uuid4()) as tx:
        assert await bodies(tx) == []
        assert await tx.connection.fetchval("SELECT body FROM notes WHERE id = $1", note) is None
        assert await tx.connection.execute("UPDATE notes SET body = 'stolen' WHERE id = $1", note) == "UPDATE 0"
        assert await tx.connection.execute("DELETE FROM notes WHERE id = $1", note) == "DELETE 0"
    async with uow(org) as tx:
        assert await bodies(tx) == ["ours"]


async def test_a_row_cannot_be_given_to_another_organisation(uow, org, add_note):
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with uow(org) as tx:
            await add_note(tx, org_id=uuid4())
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with uow(org) as tx:
            note = await add_note(tx)
            await tx.connection.execute("UPDATE notes SET org_id = $2 WHERE id = $1", note, uuid4())


async def test_a_connection_forgets_the_tenant_and_the_role_after_each_transaction(settings, org, add_note, bodies):
    one = settings.model_copy(update={"pool_size": 1})
    async with pool(one, "notes") as database:
        uow = UnitOfWork(database, "notes", lambda tx: tx)
        async with uow(org) as tx:
            await add_note(tx)
        assert await database.fetch("SELECT * FROM notes") == []
        async with uow.system() as tx:
            assert await bodies(tx) == ["hello"]
        assert await database.fetch("SELECT * FROM notes") == []
        with pytest.raises(ZeroDivisionError):
            async with uow.system():
                raise ZeroDivisionError
        assert await database.fetchval("SELECT current_user") == "assay_notes_app"


async def test_a_system_transaction_sees_and_writes_every_organisation(uow, add_note, bodies):
    for body in ("one", "two"):
        async with uow(uuid4()) as tx:
            await add_note(tx, body)
    async with uow.system() as tx:
        assert tx.org_id is None
        await add_note(tx, "three", org_id=uuid4())
        assert await bodies(tx) == ["one", "three", "two"]


@pytest.mark.parametrize(
    "attempt",
    [
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE notes NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON notes",
        "CREATE POLICY all_of_it ON notes USING (true)",
        "SET row_security = off; SELECT * FROM notes",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER ROLE assay_notes_app BYPASSRLS",
        "TRUNCATE notes",
        "SET ROLE NONE; SELECT * FROM notes.notes",
    ],
)
async def test_the_service_cannot_take_the_walls_down(database, attempt):
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError)):
        async with database.acquire() as connection:
            try:
                await connection.execute(attempt)
            finally:
                await connection.execute("SET ROLE assay_notes_app; SET row_security = on")


async def test_resetting_the_role_leads_back_to_the_app_role(uow, database, org, add_note):
    async with uow(org) as tx:
        await add_note(tx)
    async with database.acquire() as connection:
        for reset in ("RESET ROLE", "RESET ALL"):
            await connection.execute(reset)
            assert await connection.fetchval("SELECT current_user") == "assay_notes_app"
            assert await connection.fetch("SELECT * FROM notes") == []


@pytest.mark.parametrize("change", ["UPDATE events SET type = 'x'", "DELETE FROM events", "TRUNCATE events"])
@pytest.mark.parametrize("system", [False, True], ids=["app", "system"])
async def test_an_event_that_was_stored_stays_as_it_is(uow, org, new_event, system, change):
    async with uow(org) as tx:
        await tx.record(new_event(org))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with uow.system() if system else uow(org) as tx:
            await tx.connection.execute(change)


async def test_only_the_system_role_marks_events_as_published(uow, org, new_event):
    async with uow(org) as tx:
        await tx.record(new_event(org))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with uow(org) as tx:
            await tx.connection.execute("UPDATE events SET published_at = now()")
    async with uow.system() as tx:
        assert await tx.connection.execute("UPDATE events SET published_at = now()") == "UPDATE 1"


async def test_events_of_another_organisation_are_invisible(uow, org, new_event):
    async with uow(org) as tx:
        await tx.record(new_event(org))
    async with uow(uuid4()) as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM events") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with uow(org) as tx:
            await tx.record(new_event(uuid4()))


async def test_grants_can_differ_by_role(uow, org):
    async with uow.system() as tx:
        await tx.connection.execute("INSERT INTO shared VALUES ('motto', 'measure')")
    async with uow(org) as tx:
        assert await tx.connection.fetchval("SELECT value FROM shared WHERE name = 'motto'") == "measure"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with uow(org) as tx:
            await tx.connection.execute("DELETE FROM shared")
