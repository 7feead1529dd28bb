"""Whole audits by workers whose engines run in Jobs."""

import asyncio
import json
import os
import signal
import sys

import pytest

from assay.audit.v1 import audits_pb2 as pb

FUNCTION = """
def f{number}(a, b):
    if a > {number}:
        return [x for x in range(b) if x % 2 and x > {number}]
    return eval("a + b")
"""


@pytest.fixture
def uploaded(client, work_tree):
    """Uploads a repository with so many functions."""

    async def upload(functions: int):
        for part in range(0, functions, 100):
            code = "".join(FUNCTION.format(number=part + number) for number in range(min(100, functions)))
            work_tree.put({f"part_{part}.py": code})
        work_tree.put({"tests/test_it.py": "def test_it():\n    assert 1\n"})
        work_tree.commit("Add code")
        await client.create("shop")
        await client.upload(work_tree.bundle())

    return upload


def measured(run):
    return {audit.status for audit in run.audits if audit.reason != "not measured yet"}


async def test_an_audit_takes_one_job_and_one_that_is_known_takes_none(
    client, uploaded, work, finished, cluster, jobs_settings, until
):
    await uploaded(20)
    async with work(jobs=jobs_settings):
        first = await finished(client, await client.start())
        assert measured(first) == {pb.AUDIT_STATUS_COMPLETED}
        (job,) = cluster.made
        assert job["metadata"]["labels"]["assay/audit"] == first.id
        name = job["metadata"]["name"]
        assert await until(lambda: ended(cluster, name)) == "ended"
        second = await finished(client, await client.start())

    assert measured(second) == {pb.AUDIT_STATUS_COMPLETED}
    assert len(cluster.made) == 1
    assert set(await fingerprints(client, first)) == set(await fingerprints(client, second))


async def test_a_worker_killed_with_its_jobs_at_work_costs_nothing_and_its_jobs_end(
    client, uploaded, finished, cluster, jobs_settings, until, database, kafka_settings, tmp_path
):
    await uploaded(1_000)
    started = await client.start()

    def worker(name):
        log = (tmp_path / f"{name}.log").open("wb")
        env = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": os.environ["KUBECONFIG"],
            "ASSAY_DATABASE__URL": database.url.get_secret_value(),
            "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
            "ASSAY_KAFKA__NAMESPACE": kafka_settings.namespace,
            "ASSAY_OPS__LISTEN": "127.0.0.1:0",
            "ASSAY_OBJECT_STORE__URL": (tmp_path / "objects").as_uri(),
            "ASSAY_DATA_DIR": str(tmp_path / name),
            "ASSAY_JOBS__TEMPLATE": json.dumps(jobs_settings.template),
            "ASSAY_JOBS__LISTEN": "127.0.0.1:0",
            "ASSAY_JOBS__ADDRESS": "127.0.0.1",
            "ASSAY_JOBS__POD_NAME": name,
            "ASSAY_JOBS__SILENCE_SECONDS": "4",
        }
        return asyncio.create_subprocess_exec(
            sys.executable, "-m", "assay_audit", "work", env=env, stdout=log, stderr=log
        )

    first = await worker("one")
    try:
        await until(lambda: begun(client, started), 120)
        first.send_signal(signal.SIGKILL)
        await first.wait()
        orphan = cluster.made[0]["metadata"]["name"]
        assert await until(lambda: ended(cluster, orphan), 60) == "ended"
        second = await worker("two")
        try:
            run = await finished(client, started, 150)
            second.terminate()
            assert await second.wait() == 0
        finally:
            kill(second)
    finally:
        kill(first)

    assert run.status == pb.AUDIT_STATUS_COMPLETED
    assert measured(run) == {pb.AUDIT_STATUS_COMPLETED}


async def fingerprints(client, run):
    return [finding.fingerprint for finding in await client.findings(run.id, page_size=200)]


async def ended(cluster, name):
    return "ended" if name in cluster.ended else None


async def begun(client, started):
    """Some audit of the run is being done."""
    run = await client.run(started.id)
    return pb.AUDIT_STATUS_RUNNING in {audit.status for audit in run.audits}


def kill(process):
    if process.returncode is None:
        process.kill()
