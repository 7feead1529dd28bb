"""Engines answer in Jobs as they do beside the worker, and a Job that is lost costs nothing but time."""

import asyncio
import signal
from uuid import uuid4

import pytest

from assay_audit.adapters.engines.runner import EngineProcesses, EngineRunner
from assay_audit.adapters.jobs import engine_jobs
from assay_audit.adapters.processes import Limits
from assay_audit.application.audits.integrity import BANDIT, SECRETS
from assay_audit.application.audits.servant import COMPLEXIPY, DOCSTRINGS, LIZARD
from assay_audit.application.audits.snapshot import TEXT
from assay_audit.application.audits.strict import RUFF, VULTURE
from assay_audit.application.audits.tdd import TESTS
from assay_audit.domain.analysis import Engine
from assay_audit.domain.errors import EngineFailed
from assay_common.errors import Unavailable

GIB = 1024**3
SHOP = {
    "shop/__init__.py": '"""A shop."""\n',
    "shop/cart.py": "import os\nimport subprocess\n\nsubprocess.call('ls', shell=True)\n",
    "shop/naïve name.py": "x = undefined\n",
    "tests/test_cart.py": "from shop import cart\n\n\ndef test_total():\n    cart.total([1])\n",
    "nested.py": "x = " + "(" * 20_000 + ")" * 20_000 + "\n",
    "logo.png": b"\x89PNG\0\0",
    "README.md": "<<<<<<< ours\n=======\n>>>>>>> theirs\n",
}
SLOW = {f"{number}.py": "def f(a):\n    return [x for x in a if x]\n\n\n" * 4_000 for number in range(4)}
"""Some seconds of work for vulture."""


@pytest.fixture(autouse=True)
def quick_rounds(monkeypatch):
    monkeypatch.setattr(engine_jobs, "ROUND_SECONDS", 0.1)
    monkeypatch.setattr(engine_jobs, "LOOK_SECONDS", 0.2)


async def test_jobs_find_what_processes_find(make_jobs, opened, scratch, cluster):
    mirror, inventory = await opened(SHOP)
    beside = EngineRunner(scratch, EngineProcesses(Limits(60, 4 * GIB, GIB), processes=2), parts=2)
    audit = uuid4()
    async with make_jobs() as jobs:
        inside = EngineRunner(scratch, jobs, parts=2)
        for engine in (TEXT, SECRETS, BANDIT, RUFF, DOCSTRINGS, VULTURE, COMPLEXIPY, LIZARD, TESTS):
            together = engine is VULTURE
            expected = await beside.run(audit, engine, inventory.files, mirror, together=together)
            assert await inside.run(audit, engine, inventory.files, mirror, together=together) == expected, engine.name

    (job,) = cluster.made
    assert job["metadata"]["labels"]["assay/audit"] == str(audit)
    assert job["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "worker-1", "uid": "uid-1"}
    ]
    assert not cluster.jobs


async def test_every_run_has_a_job_of_its_own(make_jobs, opened, scratch, cluster):
    mirror, inventory = await opened(SHOP)
    async with make_jobs() as jobs:
        runner = EngineRunner(scratch, jobs, parts=2)
        runs = [uuid4() for _ in range(3)]
        await asyncio.gather(
            *(
                runner.run(run, engine, inventory.files, mirror, together=False)
                for run in runs
                for engine in (TEXT, LIZARD)
            )
        )

    assert {job["metadata"]["labels"]["assay/audit"] for job in cluster.made} == {str(run) for run in runs}
    assert len(cluster.made) == 3


async def test_no_job_is_made_where_there_is_nothing_to_ask(make_jobs, opened, scratch, cluster):
    mirror, _ = await opened({"a.py": "x = 1\n"})
    async with make_jobs() as jobs:
        assert await EngineRunner(scratch, jobs, parts=2).run(uuid4(), RUFF, [], mirror, together=False) == {}
    assert not cluster.made


async def test_a_job_without_questions_ends_by_itself(make_jobs, opened, scratch, cluster, until):
    mirror, inventory = await opened({"a.py": "x = 1\n"})
    audit = uuid4()
    async with make_jobs(idle_seconds=0.5) as jobs:
        runner = EngineRunner(scratch, jobs, parts=2)
        await runner.run(audit, TEXT, inventory.files, mirror, together=False)
        await until(lambda: _value(cluster.ended), 10)
        assert list(cluster.ended.values()) == [0]
        await runner.run(audit, TEXT, inventory.files, mirror, together=False)
    assert len(cluster.made) == 2


@pytest.mark.parametrize("fault", ["killed", "deleted", "stopped"])
async def test_a_job_lost_in_the_middle_is_replaced(fault, make_jobs, opened, scratch, cluster, until):
    mirror, inventory = await opened(SLOW)
    async with make_jobs(silence_seconds=10) as jobs:
        running = asyncio.create_task(
            EngineRunner(scratch, jobs, parts=2).run(uuid4(), VULTURE, inventory.files, mirror, together=True)
        )
        name = await until(lambda: _at_work(cluster))
        if fault == "deleted":
            del cluster.jobs[name]
        cluster.signal(name, signal.SIGSTOP if fault == "stopped" else signal.SIGKILL)
        analyses = await running

    assert analyses.keys() == SLOW.keys()
    assert len(cluster.made) == 2
    assert not cluster.jobs


async def test_a_question_that_takes_every_job_down_is_given_up(make_jobs, opened, scratch, cluster, until):
    mirror, inventory = await opened(SLOW)
    async with make_jobs() as jobs:
        running = asyncio.create_task(
            EngineRunner(scratch, jobs, parts=2).run(uuid4(), VULTURE, inventory.files, mirror, together=True)
        )
        for number in range(engine_jobs.MAX_JOBS):
            cluster.signal(await until(lambda number=number: _at_work(cluster, number)), signal.SIGKILL)
        with pytest.raises(EngineFailed, match=r"vulture failed: its Job ended before it answered; 3 Jobs were tried"):
            await running


async def test_a_job_whose_pod_never_starts_is_given_up(make_jobs, opened, scratch, cluster):
    """The image cannot be pulled, or no node has room."""
    mirror, inventory = await opened({"a.py": "x = 1\n"})
    cluster.pods_start = False
    async with make_jobs(start_seconds=0.3) as jobs:
        with pytest.raises(EngineFailed, match=r"no Job began within 0\.3 s; 3 Jobs were tried"):
            await EngineRunner(scratch, jobs, parts=2).run(uuid4(), RUFF, inventory.files, mirror, together=False)
    assert not cluster.jobs


@pytest.mark.parametrize(
    ("refusal", "error", "words"),
    [
        ((403, 'jobs.batch "x" is forbidden: exceeded quota: jobs'), Unavailable, "exceeded quota"),
        ((429, "slow down"), Unavailable, "429"),
        ((500, "etcd is away"), Unavailable, "500"),
        ((403, "User cannot create resource jobs"), EngineFailed, "User cannot create resource jobs"),
        ((422, "Job is invalid: spec.template"), EngineFailed, "Job is invalid"),
    ],
)
async def test_what_passes_is_waited_for_and_what_does_not_is_told(
    refusal, error, words, make_jobs, opened, scratch, cluster
):
    mirror, inventory = await opened({"a.py": "x = 1\n"})
    async with make_jobs() as jobs:
        runner, audit = EngineRunner(scratch, jobs, parts=2), uuid4()
        cluster.refusal = refusal
        with pytest.raises(error, match=words):
            await runner.run(audit, RUFF, inventory.files, mirror, together=False)
        cluster.refusal = None
        assert await runner.run(audit, RUFF, inventory.files, mirror, together=False)


async def test_an_api_server_that_is_away_is_waited_for(make_jobs, opened, scratch, cluster, monkeypatch):
    mirror, inventory = await opened({"a.py": "x = 1\n"})
    async with make_jobs() as jobs:
        jobs.cluster._api.api_client.configuration.host = "http://127.0.0.1:1"
        with pytest.raises(Unavailable, match="the cluster does not answer"):
            await EngineRunner(scratch, jobs, parts=2).run(uuid4(), RUFF, inventory.files, mirror, together=False)
        jobs.cluster._api.api_client.configuration.host = cluster.url
        assert await EngineRunner(scratch, jobs, parts=2).run(uuid4(), RUFF, inventory.files, mirror, together=False)


async def test_an_engine_that_fails_in_a_job_fails_with_the_reason(make_jobs, opened, scratch):
    mirror, inventory = await opened({"a.py": "x = 1\n"})
    async with make_jobs() as jobs:
        with pytest.raises(EngineFailed, match=r"ruff failed: .*CalledProcessError"):
            await EngineRunner(scratch, jobs, parts=2).run(
                uuid4(),
                Engine("ruff", {"select": ["NOSUCHRULE"], "ignore": []}),
                inventory.files,
                mirror,
                together=False,
            )


async def test_jobs_left_behind_by_the_same_pod_are_removed(make_jobs, cluster):
    for number, worker in enumerate(["worker-1", "worker-2"]):
        labels = {"assay/worker": worker}
        cluster.jobs[f"left-{number}"] = {"metadata": {"name": f"left-{number}", "labels": labels}}
    async with make_jobs():
        assert list(cluster.jobs) == ["left-1"]
    assert {namespace for _, namespace in cluster.calls} == {"it"}


async def _value(value):
    return value


async def _at_work(cluster, number=0):
    """The Job of this number, once an engine runs in it."""
    if len(cluster.made) <= number:
        return None
    name = cluster.made[number]["metadata"]["name"]
    process = cluster.processes.get(name)
    if process is None or process.returncode is not None:
        return None
    children = await asyncio.to_thread(_children, process.pid)
    return name if children else None


def _children(pid: int) -> str:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return file.read().strip()
