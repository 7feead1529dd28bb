"""What the database itself guarantees: tenancy, append-only tables, migrations both ways."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from assay.evaluation.v1 import comparisons_pb2
from assay_common.postgres.migrations import downgrade, migrate
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.settings import DatabaseSettings
from assay_evaluation import bootstrap
from assay_evaluation.adapters.postgres.transaction import PostgresTransaction
from assay_evaluation.domain.runs import ItemResult

TABLES = (
    "datasets",
    "dataset_versions",
    "dataset_items",
    "runs",
    "run_evaluators",
    "run_items",
    "results",
    "comparisons",
    "gate_decisions",
    "events",
)
APPEND_ONLY = ("dataset_versions", "dataset_items", "run_items", "results", "comparisons", "gate_decisions", "events")
ROWS = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(2)]


@pytest.fixture
async def furnished(caller, worker):
    """An organisation with at least one row in every table."""
    dataset = await caller.import_rows(ROWS)
    runs = [await caller.start(dataset) for _ in range(2)]
    for run in runs:
        await worker()(caller.org_id, UUID(run.id), [0, 1])
    comparison = await caller.comparisons.CreateComparison(
        comparisons_pb2.CreateComparisonRequest(baseline_run_id=runs[0].id, candidate_run_id=runs[1].id)
    )
    await caller.comparisons.DecideGate(
        comparisons_pb2.DecideGateRequest(comparison_id=comparison.id, label="production")
    )
    return caller.org_id


async def counts(connections, org_id=None):
    async with connections.acquire() as connection, connection.transaction():
        if org_id is not None:
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(org_id))
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}


async def test_without_the_organisation_set_nothing_is_seen(connections, furnished):
    assert all((await counts(connections, furnished)).values())
    assert not any((await counts(connections)).values())
    assert not any((await counts(connections, uuid4())).values())


async def test_a_row_cannot_be_written_for_another_organisation(connections, uow):
    async with connections.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(uuid4()))
                await connection.execute(
                    "INSERT INTO datasets VALUES ($1, $2, 'x', '', 0, 0, now(), now(), $1)", uuid4(), uuid4()
                )


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET org_id = org_id", "DELETE FROM {}"])
async def test_what_was_measured_cannot_be_changed(connections, table, statement):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connections.execute(statement.format(table))


async def test_migrations_go_up_down_and_up_again(make_database):
    made = await make_database("evaluation", logins=("assay_evaluation",))
    settings = DatabaseSettings(url=made.logins["assay_evaluation"], migration_url=made.owner_url)
    for step in (migrate, migrate, downgrade, migrate):
        await asyncio.to_thread(step, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
    connection = await asyncpg.connect(made.owner_url)
    try:
        found = await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'evaluation'::regnamespace")
    finally:
        await connection.close()
    assert set(TABLES) <= {row["relname"] for row in found}


OLD = """
    INSERT INTO datasets VALUES ($1, $1, 'mails', '', 1, 1, now(), now(), $1);
    INSERT INTO dataset_versions VALUES ($1, 1, $1, 1, now(), $1);
    INSERT INTO dataset_items VALUES ($1, 1, 0, $1, $1, '{}', 'greeting', '{}');
    INSERT INTO runs VALUES ($1, $1, $1, 'triage', 1, $1, 'mails', 1, 'm',
                             '{"max_tokens": 1, "temperature": 0, "seed": null, "stop": []}', 'queued', 1, 0, 0, 0, 0,
                             NULL, NULL, NULL, now(), $1, NULL);
    INSERT INTO run_evaluators VALUES ($1, 1, $1, 'same', 'exact_match', '{}');
    INSERT INTO run_items VALUES ($1, 0, $1, '[]')
"""


async def test_rows_of_the_release_before_go_on(make_database):
    """What was written before migration 0002, and what code of before it writes while it is rolled out."""
    made = await make_database("evaluation", logins=("assay_evaluation",))
    settings = DatabaseSettings(url=made.logins["assay_evaluation"], migration_url=made.owner_url)

    async def step(action, revision):
        await asyncio.to_thread(action, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS, revision)

    async def write(org_id):
        async with connections.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(org_id))
            for statement in OLD.split(";"):
                await connection.execute(statement, org_id)

    await step(migrate, "0001")
    async with pool(settings, bootstrap.SCHEMA) as connections:
        before, meanwhile = uuid4(), uuid4()
        await write(before)
        await step(migrate, "head")
        await write(meanwhile)
        for org_id in (before, meanwhile):
            async with UnitOfWork(connections, bootstrap.SCHEMA, PostgresTransaction)(org_id) as tx:
                dataset, run = await tx.datasets.get("mails"), await tx.runs.get(org_id)
                assert (dataset.visibility, dataset.etag, run.visibility) == ("organisation", "2", "organisation")
                assert [item.expected for item in await tx.runs.pending(run, [0])] == ["greeting"]
                await tx.runs.add_results(run, [ItemResult.unmeasured(0, "asleep", at=dataset.created_at)])
                assert [stored.item_id for stored in await tx.runs.results(run, after=-1, limit=9)] == [org_id]
    await step(downgrade, "0001")
    await step(migrate, "head")


async def test_the_hot_queries_use_their_indexes(connections, furnished):
    """Without statistics PostgreSQL would scan so small a table: that is forbidden here, to see that it need not."""
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(furnished))
        for query, index in (
            ("SELECT * FROM runs ORDER BY id DESC LIMIT 10", "runs_newest_first"),
            (
                f"SELECT * FROM datasets WHERE org_id = '{furnished}' ORDER BY id DESC LIMIT 10",
                "datasets_of_organisation",
            ),
            (f"SELECT * FROM results WHERE run_id = '{uuid4()}' ORDER BY index", "results_pkey"),
        ):
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
            assert index in plan, plan
