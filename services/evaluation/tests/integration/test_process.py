"""Real processes: what they cost when idle, how they end, and what becomes of a run whose worker is killed."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from assay.evaluation.v1 import runs_pb2 as pb
from assay_common.kafka.dead_letters.letters import read_letters
from assay_common.postgres.deaths import MAX_DEATHS
from assay_evaluation.bootstrap import WORKERS
from assay_protos import topics

ROWS = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(32)]
WAITS = """
    SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
                   WHERE datname = current_database() AND NOT granted)
"""
_MORE_DEATHS = """
    INSERT INTO attempts (event_id, worker)
    SELECT event_id, gen_random_uuid()
    FROM (SELECT event_id FROM attempts GROUP BY event_id HAVING count(*) = 2) AS twice, generate_series(1, $1)
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Process:
    """`python -m assay_evaluation <role>` and its log."""

    def __init__(self, process, ops, log):
        self.process, self.ops, self.log = process, ops, log

    async def ready(self):
        if self.process.returncode is not None:
            pytest.fail(f"exited with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self.ops}/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

    async def kill(self):
        self.process.kill()
        await self.process.wait()

    def resident_mb(self):
        return psutil.Process(self.process.pid).memory_info().rss / 1024 / 1024


@pytest.fixture
async def start(database, kafka_settings, models, tmp_path, eventually):
    """Starts roles of the service as processes, and ends those that still run."""
    started = []

    async def launch(role, **environment):
        ops, log = free_port(), tmp_path / f"{role}-{len(started)}.log"
        catalogue = {name: json.loads(entry.model_dump_json()) | {"api_key": "local"} for name, entry in models.items()}
        settings = {
            "ASSAY_DATABASE__URL": database.url.get_secret_value(),
            "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
            "ASSAY_KAFKA__NAMESPACE": kafka_settings.namespace,
            "ASSAY_OPS__LISTEN": f"127.0.0.1:{ops}",
            "ASSAY_GRPC__LISTEN": "127.0.0.1:0",
            "ASSAY_TARGETS__AUTH": "127.0.0.1:9",
            "ASSAY_TARGETS__PROMPT": "127.0.0.1:9",
            "ASSAY_MODELS": json.dumps(catalogue),
        }
        with Path(log).open("wb") as output:  # noqa: ASYNC230
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "assay_evaluation",
                role,
                env=os.environ | settings | environment,
                stdout=output,
                stderr=output,
            )
        started.append(Process(process, ops, log))
        await eventually(started[-1].ready)
        return started[-1]

    yield launch
    for one in started:
        if one.process.returncode is None:
            await one.kill()


@pytest.fixture
async def members(kafka_settings):
    """Asks Kafka for the client ids of the workers that are in their group, or were and are waited for."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_settings.bootstrap_servers)
    await admin.start()

    async def ask():
        [answer] = await admin.describe_consumer_groups([kafka_settings.qualified(WORKERS)])
        return [client_id for _, client_id, *_ in answer.groups[0][5]]

    yield ask
    await admin.close()


@asynccontextmanager
async def slow_answers(provider, seconds):
    """Every answer takes so long, as a real model's would."""
    provider.answer = lambda prompt, _nth: provider.released.wait(seconds) or prompt.partition(": ")[2]
    yield


async def completed(caller, run, eventually):
    """The run, once it has ended well."""

    async def found():
        now = await caller.run(run.id)
        return now if now.status == pb.RUN_STATUS_COMPLETED else None

    return await eventually(found, seconds=120)


@pytest.mark.chaos
@pytest.mark.timeout(420)
async def test_a_run_survives_the_death_of_its_worker(caller, start, provider, eventually, stored_events):
    async with slow_answers(provider, 0.3):
        run = await caller.start(await caller.import_rows(ROWS))
        first = await start("work", ASSAY_WORKER__REQUESTS="4")

        async def in_the_middle():
            progress = (await caller.run(run.id)).progress
            return 8 <= progress.measured < 24 and len(provider.asked) > progress.measured

        await eventually(in_the_middle, seconds=120)
        await first.kill()
        killed_at = await caller.run(run.id)
        assert killed_at.status == pb.RUN_STATUS_RUNNING
        asked_by_the_first = len(provider.asked)
        await start("work", ASSAY_WORKER__REQUESTS="8")
        done = await completed(caller, run, eventually)
    assert (done.progress.measured, done.progress.unmeasured) == (32, 0)
    assert (done.summaries[0].measured, done.summaries[0].passed) == (32, 32)
    assert done.totals.input_tokens == 32 * 10
    results = await caller.results(run.id)
    assert [result.index for result in results] == [*range(32)]
    assert all(result.output == f"mail {result.index}" for result in results)
    # What the dead worker had in hand was asked again, and nothing that was stored was.
    assert len(provider.asked) > 32 >= len(set(provider.asked))
    assert asked_by_the_first > killed_at.progress.measured
    events = await stored_events(caller.org_id)
    assert Counter(kind for kind, _ in events)["RunCompleted"] == 1
    assert sum(event.measured for kind, event in events if kind == "ItemsMeasured") == 32


@pytest.mark.timeout(300)
async def test_a_worker_that_is_told_to_stop_finishes_what_it_has_in_hand(caller, start, provider, eventually):
    async with slow_answers(provider, 0.5):
        run = await caller.start(await caller.import_rows(ROWS[:8]))
        worker = await start("work")

        async def asked():
            return len(provider.asked) == 8

        await eventually(asked, seconds=120)
        worker.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.process.wait(), 20) == 0
    assert (await caller.run(run.id)).status == pb.RUN_STATUS_COMPLETED
    assert len(provider.asked) == 8


@pytest.mark.timeout(300)
async def test_a_worker_that_leaves_under_load_hands_its_partitions_over_at_once(
    caller, start, provider, eventually, members
):
    """It is not ready from then on and finishes what it has in hand; nobody waits until the group misses it."""
    rows = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(96)]
    async with slow_answers(provider, 0.3):
        first, second = await start("work", ASSAY_KAFKA__CLIENT_ID="first"), await start("work")
        run = await caller.start(await caller.import_rows(rows))

        async def in_the_middle():
            return 16 <= len(provider.asked) < 64

        await eventually(in_the_middle, seconds=120)
        assert "first" in await members()
        told = asyncio.get_running_loop().time()
        first.process.send_signal(signal.SIGTERM)

        async def out_of_turn():
            return not await first.ready() if first.process.returncode is None else True

        await eventually(out_of_turn)
        assert await asyncio.wait_for(first.process.wait(), 20) == 0
        assert asyncio.get_running_loop().time() - told < 20, "the grace that it was given"
        assert "first" not in await members(), "it has left, and nobody waits for it"
        await completed(caller, run, eventually)
        assert await second.ready()
    assert len(provider.asked) == len(set(provider.asked)) == len(rows), "nothing is asked twice"


@pytest.mark.parametrize(("role", "megabytes"), [("serve", 120), ("work", 120)])
async def test_an_idle_process_is_small(start, role, megabytes):
    process = await start(role)
    resident = process.resident_mb()
    print(f"{role}: {resident:.0f} MB")  # noqa: T201 - shown with -s, for whoever measures
    assert resident < megabytes
    process.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.process.wait(), 20) == 0
    assert '"api_key": "local"' not in process.log.read_text()


async def test_a_setting_that_is_missing_is_named():
    command = (sys.executable, "-m", "assay_evaluation", "work")
    bare = {"PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(*command, env=bare, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == os.EX_CONFIG
    assert b"ASSAY_DATABASE__URL" in said
    assert b"ASSAY_KAFKA__BOOTSTRAP_SERVERS" in said


@pytest.mark.chaos
@pytest.mark.timeout(420)
async def test_a_worker_killed_between_the_dead_letter_and_its_items_leaves_them_to_the_next(
    caller, start, spoil, connections, kafka_settings, eventually, stored_events
):
    run = await caller.start(await caller.import_rows(ROWS[:3]))
    await spoil(run.id, 1)

    async def letters():
        found = await read_letters(kafka_settings, [topics.EVALUATION_TASKS])
        return [letter for letter in found if (letter.key or b"").decode().startswith(run.id)]

    async def waits():
        return await connections.fetchval(WAITS)

    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(caller.org_id))
        await connection.execute("UPDATE runs SET status = 'running' WHERE id = $1", UUID(run.id))
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(caller.org_id))
        # As long as this transaction is open nobody can end the run.
        await connection.execute("SELECT FROM runs WHERE id = $1 FOR UPDATE", UUID(run.id))
        first = await start("work")
        await eventually(letters, seconds=120)
        await eventually(waits, seconds=60)
        await first.kill()
    assert (await caller.run(run.id)).status == pb.RUN_STATUS_RUNNING
    await start("work")

    done = await completed(caller, run, eventually)
    assert (done.progress.measured, done.progress.unmeasured) == (0, 3)
    assert Counter(kind for kind, _ in await stored_events(caller.org_id))["RunCompleted"] == 1
    assert len(await letters()) == 2


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_a_task_that_kills_every_worker_is_given_up_and_its_neighbour_is_done(
    caller, start, provider, eventually, kafka_settings, stored_events, connections
):
    """Whoever asks for an item of the first task is killed; the second task is in the hands of the same workers.

    Kafka notices each death after seconds, so two are real, and the others are noted as they would have been.
    """
    deadly = {f"Sort well: mail {n}" for n in range(8)}
    provider.answer = lambda prompt, _nth: TimeoutError if prompt in deadly else prompt.partition(": ")[2]
    run = await caller.start(await caller.import_rows(ROWS[:16]))
    for death in (1, 2):
        worker = await start("work", ASSAY_WORKER__ATTEMPT_SECONDS="600", ASSAY_WORKER__ITEM_SECONDS="600")

        async def in_hand(death=death):
            return sum(prompt in deadly for prompt in provider.asked) >= 8 * death

        await eventually(in_hand, seconds=120)
        await worker.kill()
        assert (await caller.run(run.id)).status == pb.RUN_STATUS_RUNNING
    await connections.execute(_MORE_DEATHS, MAX_DEATHS - 2)
    await start("work")

    done = await completed(caller, run, eventually)
    assert (done.progress.measured, done.progress.unmeasured) == (8, 8)
    reasons = [result.unmeasured_reason for result in await caller.results(run.id)]
    assert reasons == [f"given up: {MAX_DEATHS} workers died over it"] * 8 + [""] * 8
    assert Counter(kind for kind, _ in await stored_events(caller.org_id))["RunCompleted"] == 1
    letters = await read_letters(kafka_settings, [topics.EVALUATION_TASKS])
    (letter,) = [letter for letter in letters if (letter.key or b"").decode().startswith(run.id)]
    assert letter.reason.startswith("WORKERS_DIED: ")
