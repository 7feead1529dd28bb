"""Workers as processes of their own: killed in the middle of an audit, and stopped in peace."""

import asyncio
import os
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from assay.audit.v1 import audits_pb2 as pb

FUNCTION = '''
def f{number}(a, b):
    """Compute."""
    if a > {number}:
        return [x for x in range(b) if x % 2 and x > {number}]
    password = "p{number}"
    return eval("a + b"), password
'''


@pytest.fixture
def large(work_tree):
    """A repository that takes some seconds."""
    for part in range(20):
        code = "".join(FUNCTION.format(number=part * 100 + number) for number in range(60))
        work_tree.put({f"large/part_{part}.py": f'"""Part {part}."""\n{code}'})
    work_tree.commit("Add a lot of code")
    return work_tree


@pytest.fixture
def worker(database, kafka_settings, tmp_path):
    """A worker process for the length of a block."""

    @asynccontextmanager
    async def start(name: str):
        env = {
            "PATH": os.environ["PATH"],
            "ASSAY_DATABASE__URL": database.url.get_secret_value(),
            "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
            "ASSAY_KAFKA__NAMESPACE": kafka_settings.namespace,
            "ASSAY_OPS__LISTEN": "127.0.0.1:0",
            "ASSAY_OBJECT_STORE__URL": (tmp_path / "objects").as_uri(),
            "ASSAY_DATA_DIR": str(tmp_path / name),
        }
        with (tmp_path / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "assay_audit", "work", env=env, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return start


@pytest.mark.chaos
async def test_a_worker_killed_in_the_middle_of_an_audit_costs_nothing(
    client, large, worker, finished, until, events_of, connections
):
    await client.create("shop")
    await client.upload(large.bundle())
    started = await client.start()

    async def half_done():
        run = await client.run(started.id)
        assert run.status != pb.AUDIT_STATUS_FAILED, run.reason
        statuses = {audit.status for audit in run.audits if audit.reason != "not measured yet"}
        return {pb.AUDIT_STATUS_RUNNING, pb.AUDIT_STATUS_COMPLETED} <= statuses

    async with worker("one") as first:
        await until(half_done)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    assert (await client.run(started.id)).status == pb.AUDIT_STATUS_RUNNING
    async with worker("two") as second:
        run = await finished(client, started)
        second.terminate()
        assert await second.wait() == 0

    assert run.status == pb.AUDIT_STATUS_COMPLETED
    measured = [audit for audit in run.audits if audit.reason != "not measured yet"]
    assert {audit.status for audit in measured} == {pb.AUDIT_STATUS_COMPLETED}
    findings = await client.findings(run.id, page_size=200)
    assert Counter(finding.kind for finding in findings) == {a.kind: a.findings for a in measured if a.findings}
    assert len({finding.fingerprint for finding in findings}) == len(findings)
    types = Counter(event["type"].rpartition(".")[2] for event in await events_of(client.org_id))
    assert (types["AuditMeasured"], types["AuditCompleted"]) == (5, 1)
