import asyncio
import shutil
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from assay_common.postgres import migrations
from assay_common.postgres.migrations import DatabaseNotReachable, downgrade, migrate
from assay_common.postgres.pool import pool
from assay_common.settings import DatabaseSettings

MIGRATIONS = Path(__file__).parent / "migrations"

CATALOGUE = """
    SELECT 'column', table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
    FROM information_schema.columns WHERE table_schema = 'notes'
    UNION ALL SELECT 'grant', grantee || ' ' || privilege_type || ' ' || table_name
    FROM information_schema.role_table_grants WHERE table_schema = 'notes'
    UNION ALL SELECT 'policy', tablename || '.' || policyname || ' ' || roles::text || ' ' || qual
    FROM pg_policies WHERE schemaname = 'notes'
    UNION ALL SELECT 'row security', relname || ' ' || relrowsecurity || relforcerowsecurity
    FROM pg_class WHERE relnamespace = 'notes'::regnamespace AND relkind = 'r'
    UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'notes'
    UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'notes'::regnamespace
    UNION ALL SELECT 'routine', proname FROM pg_proc WHERE pronamespace = 'notes'::regnamespace
    UNION ALL SELECT 'trigger', tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY 1, 2
"""
REVISION = "SELECT version_num FROM notes.alembic_version"


async def fetch(settings, query):
    connection = await asyncpg.connect(settings.owner_url.get_secret_value())
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def in_thread(function, settings, *arguments):
    await asyncio.to_thread(function, settings, "notes", MIGRATIONS, *arguments)


def tables(catalogue):
    return {text.split(".")[0] for kind, text in catalogue if kind == "column"}


async def test_up_down_and_up_again_ends_in_the_same_schema(empty):
    await in_thread(migrate, empty)
    up = await fetch(empty, CATALOGUE)
    assert tables(up) == {"alembic_version", "events", "inbox", "notes", "shared"}
    assert await fetch(empty, REVISION) == [("0002",)]

    await in_thread(downgrade, empty)
    down = await fetch(empty, CATALOGUE)
    assert tables(down) == {"alembic_version"}
    assert not [entry for entry in down if entry[0] in ("policy", "routine", "trigger")]

    await in_thread(migrate, empty)
    assert await fetch(empty, CATALOGUE) == up


async def test_each_step_goes_down_and_up(empty):
    await in_thread(migrate, empty, "0001")
    first = await fetch(empty, CATALOGUE)
    await in_thread(migrate, empty)
    await in_thread(downgrade, empty, "0001")
    assert await fetch(empty, CATALOGUE) == first


async def test_migrating_again_changes_nothing(settings):
    before = await fetch(settings, CATALOGUE)
    await in_thread(migrate, settings)
    assert await fetch(settings, CATALOGUE) == before


async def test_an_older_release_leaves_a_newer_schema_as_it_is(settings, tmp_path):
    before = await fetch(settings, CATALOGUE)
    older = tmp_path / "versions"
    older.mkdir()
    shutil.copy(next((MIGRATIONS / "versions").glob("0001*.py")), older)
    await asyncio.to_thread(migrate, settings, "notes", tmp_path)
    assert await fetch(settings, CATALOGUE) == before
    assert await fetch(settings, REVISION) == [("0002",)]


async def test_replicas_that_migrate_at_once_wait_for_each_other(empty):
    await asyncio.gather(*(in_thread(migrate, empty) for _ in range(5)))
    assert await fetch(empty, REVISION) == [("0002",)]


async def test_databases_of_one_server_can_be_migrated_at_once(make_database):
    login = f"assay_notes_{uuid4().hex[:8]}"
    made = [await make_database("notes", logins=(login,)) for _ in range(4)]
    each = [DatabaseSettings(url=database.logins[login], migration_url=database.owner_url) for database in made]
    await asyncio.gather(*(in_thread(migrate, settings) for settings in each))
    for settings in each:
        async with pool(settings, "notes") as opened:
            assert await opened.fetchval("SELECT count(*) FROM notes") == 0


async def test_a_migration_that_fails_changes_nothing(empty, tmp_path):
    versions = tmp_path / "versions"
    versions.mkdir()
    for file in (MIGRATIONS / "versions").glob("*.py"):
        (versions / file.name).write_text(file.read_text())
    (versions / "0003_broken.py").write_text(
        "from alembic import op\n"
        "revision, down_revision = '0003', '0002'\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE notes.half (id uuid); SELECT 1 / 0')\n"
    )
    with pytest.raises(DBAPIError, match="division by zero"):
        await asyncio.to_thread(migrate, empty, "notes", tmp_path)
    assert await fetch(empty, CATALOGUE) == []

    await in_thread(migrate, empty)
    assert await fetch(empty, REVISION) == [("0002",)]


async def test_a_login_that_may_create_roles_needs_no_superuser(make_database, tmp_path):
    login, schema = f"owner_{uuid4().hex[:8]}", f"own_{uuid4().hex[:8]}"
    database = await make_database("notes", logins=(login,))
    superuser = await asyncpg.connect(database.owner_url)
    await superuser.execute(f"ALTER ROLE {login} CREATEROLE; GRANT CREATE ON DATABASE {database.name} TO {login}")
    await superuser.close()
    settings = DatabaseSettings(url=database.logins[login])
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001.py").write_text(
        "from alembic import op\n"
        "from assay_common.postgres.migrations import create_event_tables\n"
        "revision, down_revision = '0001', None\n"
        "def upgrade():\n"
        f"    create_event_tables(op, '{schema}')\n"
    )
    await asyncio.to_thread(migrate, settings, schema, tmp_path)
    async with pool(settings, schema) as opened:
        assert await opened.fetchval("SELECT current_user") == f"assay_{schema}_app"
        assert await opened.fetch("SELECT * FROM events") == []


async def test_the_login_has_no_rights_but_those_of_the_role_it_takes(settings):
    connection = await asyncpg.connect(settings.url.get_secret_value())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("SELECT * FROM notes.notes")
    await connection.close()


def test_a_database_that_stays_away_is_named_after_the_deadline(monkeypatch, unused_port):
    monkeypatch.setattr(migrations, "START_DEADLINE", 0.3)
    settings = DatabaseSettings(url=f"postgresql://nobody:secret@127.0.0.1:{unused_port}/none")
    with pytest.raises(DatabaseNotReachable) as failed:
        migrate(settings, "notes", MIGRATIONS)
    assert "secret" not in str(failed.value)
