"""Tasks that nobody can do, by Kafka: their runs end, and say why."""

from collections import Counter
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from assay.audit.v1 import audits_pb2 as pb
from assay_audit.domain.kinds import AuditKind, Status
from assay_common.kafka.dead_letters.letters import hand_over, read_letters
from assay_common.kafka.producer import producer
from assay_common.postgres.deaths import MAX_DEATHS
from assay_protos import topics

REASON = "given up after 5 tries: RaiseError"
WORN_OUT = f"given up: {MAX_DEATHS} workers died over it"


@pytest.fixture(autouse=True)
def logs():
    """Kept as they are: five tracebacks drawn for people would take longer than the test."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def breaking(database):
    """For the length of a block the database refuses updates of an organisation's rows, as if by a bug."""

    @asynccontextmanager
    async def refuse(org_id, table, condition):
        owner = await asyncpg.connect(database.owner_url.get_secret_value())
        name = f"broken_{uuid4().hex}"
        try:
            await owner.execute(f"""
                CREATE FUNCTION audit.{name}() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'inside'; END $$;
                CREATE TRIGGER {name} BEFORE UPDATE ON audit.{table} FOR EACH ROW
                    WHEN (NEW.org_id = '{org_id}' AND {condition}) EXECUTE FUNCTION audit.{name}();
            """)
            yield
            await owner.execute(f"DROP FUNCTION audit.{name} CASCADE")
        finally:
            await owner.close()

    return refuse


@pytest.fixture
def hand_over_again(kafka_settings, until):
    """Hands the dead letters of a run over once more, and waits until they were handled."""

    def done():
        labels = {"topic": topics.AUDIT_TASKS.name, "outcome": "done"}
        return REGISTRY.get_sample_value("kafka_consumed_total", labels)

    async def replay(run):
        letters = await read_letters(kafka_settings, [topics.AUDIT_TASKS])
        mine = [letter for letter in letters if (letter.key or b"").decode().startswith(run.id)]
        before = done()
        async with producer(kafka_settings) as sender:
            for letter in mine:
                await hand_over(kafka_settings, sender, letter)

        async def handled():
            return done() >= before + len(mine)

        await until(handled)
        return len(mine)

    return replay


@pytest.fixture
def kinds_of(events_of):
    async def count(client):
        return Counter(event["type"].rpartition(".")[2] for event in await events_of(client.org_id))

    return count


async def test_a_preparation_that_nobody_can_do_fails_its_run(
    client, shop, work, breaking, finished, hand_over_again, kinds_of
):
    await client.create("shop")
    await client.upload(shop.bundle())
    async with work():
        async with breaking(client.org_id, "runs", f"NEW.status = {Status.RUNNING:d}"):
            run = await finished(client, await client.start())
        assert (run.status, run.reason) == (pb.AUDIT_STATUS_FAILED, REASON)
        assert {audit.status for audit in run.audits} == {pb.AUDIT_STATUS_NOT_MEASURED}
        assert (await kinds_of(client))["AuditCompleted"] == 1

        # The cause is gone, and the task comes once more: what was told stays true; a new audit is a new run.
        assert await hand_over_again(run) == 1
        assert await client.run(run.id) == run
        assert (await kinds_of(client))["AuditCompleted"] == 1
        assert (await finished(client, await client.start())).status == pb.AUDIT_STATUS_COMPLETED


async def test_an_audit_that_nobody_can_do_is_not_measured_and_the_others_are(
    client, shop, work, breaking, finished, hand_over_again, kinds_of
):
    await client.create("shop")
    await client.upload(shop.bundle())
    async with work():
        condition = f"NEW.kind = {AuditKind.STRICT:d} AND NEW.score IS NOT NULL"
        async with breaking(client.org_id, "results", condition):
            run = await finished(client, await client.start())
        assert run.status == pb.AUDIT_STATUS_COMPLETED
        results = {audit.kind: audit for audit in run.audits if audit.reason != "not measured yet"}
        strict = results.pop(pb.AUDIT_KIND_STRICT)
        assert (strict.status, strict.reason, strict.HasField("score")) == (
            pb.AUDIT_STATUS_NOT_MEASURED,
            REASON,
            False,
        )
        assert {audit.status for audit in results.values()} == {pb.AUDIT_STATUS_COMPLETED}
        kinds = await kinds_of(client)
        assert (kinds["AuditMeasured"], kinds["AuditCompleted"]) == (5, 1)

        assert await hand_over_again(run) == 1
        assert await client.run(run.id) == run
        assert await kinds_of(client) == kinds


@pytest.fixture
def die_over(connections, events_of):
    """Lets too many workers have died over the task of an organisation whose key ends so."""

    async def note(client, what):
        tasks = await events_of(client.org_id, "assay.audit.tasks")
        (task,) = [task for task in tasks if task["key"].endswith(f":{what}")]
        dead = "INSERT INTO attempts (event_id, worker) SELECT $1, gen_random_uuid() FROM generate_series(1, $2)"
        await connections.execute(dead, task["id"], MAX_DEATHS)

    return note


async def test_a_preparation_over_which_workers_died_fails_its_run(
    client, shop, work, die_over, finished, hand_over_again
):
    await client.create("shop")
    await client.upload(shop.bundle())
    started = await client.start()
    await die_over(client, "prepare")
    async with work():
        run = await finished(client, started)
        assert (run.status, run.reason) == (pb.AUDIT_STATUS_FAILED, WORN_OUT)
        assert await hand_over_again(run) == 1, "an operator can see that there was such a task"


async def test_an_audit_over_which_workers_died_is_not_measured_and_the_others_are(
    client, shop, work, die_over, finished, make_tasks
):
    await client.create("shop")
    await client.upload(shop.bundle())
    started = await client.start()
    await make_tasks().prepare_audit(client.org_id, UUID(started.id))
    await die_over(client, "strict")
    async with work():
        run = await finished(client, started)
    assert run.status == pb.AUDIT_STATUS_COMPLETED
    results = {audit.kind: audit for audit in run.audits if audit.reason != "not measured yet"}
    strict = results.pop(pb.AUDIT_KIND_STRICT)
    assert (strict.status, strict.reason) == (pb.AUDIT_STATUS_NOT_MEASURED, WORN_OUT)
    assert {audit.status for audit in results.values()} == {pb.AUDIT_STATUS_COMPLETED}
