"""What the database itself guarantees: who reads public rows, that no write reaches them, migrations both ways."""

from __future__ import annotations

import asyncio
import re
from uuid import UUID, uuid4

import asyncpg
import pytest

from assay.prompt.v1 import prompts_pb2 as pb
from assay_common.clock import utc_now
from assay_common.identity import Principal
from assay_common.postgres.migrations import downgrade, migrate
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.settings import DatabaseSettings
from assay_common.visibility import Visibility
from assay_prompt import bootstrap
from assay_prompt.adapters import postgres
from assay_prompt.adapters.postgres import PostgresTransaction
from assay_prompt.application.ports import VersionName
from assay_prompt.messages import VISIBILITIES

PUBLIC = VISIBILITIES[Visibility.PUBLIC]
TABLES = ("prompts", "versions", "labels")


@pytest.fixture
async def two_organisations(people):
    """A public prompt of another organisation, and an organisation that has nothing."""
    theirs = people(role="admin", org_id=uuid4())
    prompt = await theirs.create("shared", PUBLIC, "text")
    await theirs.SetLabel(pb.SetLabelRequest(prompt="shared", label="production", version=1))
    await theirs.create("usual", 0, "text")
    await theirs.SetLabel(pb.SetLabelRequest(prompt="usual", label="production", version=1))
    return UUID(prompt.id), uuid4()


@pytest.fixture
def uow(connections):
    return UnitOfWork(connections, bootstrap.SCHEMA, lambda tx: tx.connection)


async def test_only_a_transaction_that_asks_for_public_rows_sees_them(two_organisations, uow):
    public, reader = two_organisations
    for table in TABLES:
        column = "id" if table == "prompts" else "prompt_id"
        async with uow(reader) as connection:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
        async with uow.with_public(reader) as connection:
            assert [row[0] for row in await connection.fetch(f"SELECT {column} FROM {table}")] == [public]
    async with uow.with_public(reader) as connection:
        assert await connection.fetchval("SELECT count(*) FROM events") == 0
    async with uow(reader) as connection:  # the setting ended with its transaction
        assert await connection.fetchval("SELECT count(*) FROM prompts") == 0


async def test_no_write_reaches_what_others_have_made_public(two_organisations, uow):
    public, reader = two_organisations
    async with uow.with_public(reader) as connection:
        for statement in (
            "UPDATE prompts SET description = 'x'",
            "UPDATE labels SET version = 1",
            "DELETE FROM labels",
            "SELECT FROM prompts FOR UPDATE",
        ):
            assert (await connection.execute(statement)).endswith(" 0"), statement
    for owner, refusal in (
        (uuid4(), asyncpg.InsufficientPrivilegeError),
        (reader, asyncpg.ForeignKeyViolationError),
    ):
        for statement in (
            "INSERT INTO labels VALUES ($1, $2, 'planted', 1, now(), 1)",
            "INSERT INTO versions VALUES ($1, $2, 9, '{}', '', '', '{}', now(), $1)",
        ):
            with pytest.raises(refusal):
                async with uow.with_public(reader) as connection:
                    await connection.execute(statement, owner, public)


async def test_a_batch_is_one_query_however_many_it_answers(people, connections):
    somebody = people()
    prompts = [await somebody.create(f"prompt-{number}", 0, "one", "two") for number in range(20)]
    ids = [UUID(prompt.id) for prompt in prompts]
    uow = UnitOfWork(connections, bootstrap.SCHEMA, PostgresTransaction)
    caller = Principal(somebody.id, "user", somebody.org_id, frozenset(), "token", utc_now(), role="member")
    for count in (1, 20):
        queries = []
        async with uow.with_public(somebody.org_id) as tx:
            with tx.prompts._connection.query_logger(queries.append):
                assert len(await tx.prompts.batch(caller, ids[:count])) == count
                names = [VersionName(prompt, number) for prompt in ids[:count] for number in (0, 1)]
                assert len(await tx.prompts.versions_batch(caller, names)) == 2 * count
        # The driver asks for the types it has not met yet, once a connection.
        assert len([query for query in queries if "prompts" in query.query]) == 2


async def test_the_hot_queries_use_their_indexes(connections):
    """Public rows pass the policy too, so that the policy alone leads to no index."""
    org, prompt = uuid4(), uuid4()
    caller = Principal(uuid4(), "user", org, frozenset(), "token", utc_now(), role="member")
    seen = postgres._seen_by(caller)
    async with UnitOfWork(connections, bootstrap.SCHEMA, lambda tx: tx.connection)(org) as connection:
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        for query, values, condition in (
            (f"{postgres._PROMPTS} WHERE {postgres._BY_NAME}", ("triage", org), "org_id = "),
            (f"{postgres._PROMPTS} WHERE {postgres._BY_ID}", (prompt,), "id = "),
            (postgres._PAGE, (*seen, "", None, 50), "org_id = "),
            (postgres._BATCH, (*seen, [prompt]), "id = ANY"),
            (f"{postgres._VERSIONS} WHERE prompt_id = $1 AND number = $2", (prompt, 1), "prompt_id = "),
        ):
            rows = await connection.fetch(f"EXPLAIN {query}", *values)
            plan = "\n".join(row[0] for row in rows)
            assert re.search(rf"Index Cond: \(+{condition}", plan), plan


CATALOGUE = """
    SELECT 'column', table_name || '.' || column_name || ' ' || data_type || ' ' || coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema = 'prompt'
    UNION ALL SELECT 'policy', tablename || '.' || policyname || ' ' || qual
    FROM pg_policies WHERE schemaname = 'prompt'
    UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'prompt'
    UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'prompt'::regnamespace
    ORDER BY 1, 2
"""


async def test_migrations_go_up_down_and_up_again_step_by_step(make_database):
    made = await make_database("prompt", logins=("assay_prompt",))
    settings = DatabaseSettings(url=made.logins["assay_prompt"], migration_url=made.owner_url)
    catalogues = {}
    for step, revision in (
        (migrate, "0001"),
        (migrate, "head"),
        (downgrade, "0001"),
        (downgrade, "base"),
        (migrate, "0001"),
        (migrate, "head"),
    ):
        await asyncio.to_thread(step, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS, revision)
        connection = await asyncpg.connect(made.owner_url)
        found = [tuple(row) for row in await connection.fetch(CATALOGUE)]
        await connection.close()
        assert catalogues.setdefault(revision, found) == found, revision
    assert catalogues["head"] != catalogues["0001"]


async def test_what_was_there_before_is_the_organisations_and_can_be_changed(make_database):
    made = await make_database("prompt", logins=("assay_prompt",))
    settings = DatabaseSettings(url=made.logins["assay_prompt"], migration_url=made.owner_url)
    await asyncio.to_thread(migrate, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS, "0001")
    org, prompt = uuid4(), uuid4()
    connection = await asyncpg.connect(made.owner_url)
    await connection.execute(
        "INSERT INTO prompt.prompts VALUES ($1, $2, 'old', '', 1, 'x', 3, now(), $2, now())", prompt, org
    )
    await connection.execute(
        "INSERT INTO prompt.versions VALUES ($1, $2, 1, '{}', 'x', '', '{}', now(), $1)", org, prompt
    )
    await connection.execute("INSERT INTO prompt.labels VALUES ($1, $2, 'production', 1, now())", org, prompt)
    await asyncio.to_thread(migrate, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
    assert await connection.fetchval("SELECT visibility FROM prompt.prompts") == "organisation"
    assert await connection.fetchval("SELECT revision FROM prompt.labels") == 0
    await connection.close()
