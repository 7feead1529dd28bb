"""Tasks one by one, as a worker does them: repeated, interrupted, and with parts of the house away."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest

from assay.audit.v1 import audits_pb2 as pb
from assay_audit.adapters.bundle_store import ObjectStoreUnavailable
from assay_audit.domain.errors import AuditNotFound
from assay_audit.domain.kinds import MEASURED, AuditKind
from assay_audit.settings import LimitSettings


@pytest.fixture
async def run(client, shop):
    await client.create("shop")
    await client.upload(shop.bundle())
    return await client.start()


async def do(tasks, client, run, *kinds: AuditKind) -> pb.AuditRun:
    await tasks.prepare_audit(client.org_id, UUID(run.id))
    for kind in kinds:
        await tasks.run_audit(client.org_id, UUID(run.id), kind)
    return await client.run(run.id)


def result_of(run: pb.AuditRun, kind: AuditKind) -> pb.AuditResult:
    return next(audit for audit in run.audits if audit.kind == kind)


async def test_tasks_that_are_repeated_change_nothing(client, run, make_tasks, events_of):
    tasks = make_tasks()
    half = await do(tasks, client, run, AuditKind.STRICT, AuditKind.STRICT)
    assert half.status == pb.AUDIT_STATUS_RUNNING
    findings = await client.findings(run.id)
    done = await do(tasks, client, run, *MEASURED, *MEASURED)
    assert done.status == pb.AUDIT_STATUS_COMPLETED
    assert [f for f in await client.findings(run.id) if f.kind == pb.AUDIT_KIND_STRICT] == findings
    types = Counter(event["type"].rpartition(".")[2] for event in await events_of(client.org_id))
    assert (types["AuditMeasured"], types["AuditCompleted"]) == (5, 1)
    assert len(await events_of(client.org_id, "assay.audit.tasks")) == 6


async def test_the_same_task_by_two_workers_at_once_counts_once(client, run, make_tasks, events_of):
    tasks = make_tasks()
    await do(tasks, client, run)
    await asyncio.gather(*(tasks.run_audit(client.org_id, UUID(run.id), kind) for kind in MEASURED for _ in range(2)))
    done = await client.run(run.id)
    assert done.status == pb.AUDIT_STATUS_COMPLETED
    assert len(await client.findings(run.id)) == done.findings
    types = Counter(event["type"].rpartition(".")[2] for event in await events_of(client.org_id))
    assert (types["AuditMeasured"], types["AuditCompleted"]) == (5, 1)


async def test_an_engine_that_fails_leaves_its_audit_unmeasured_and_the_others_go_on(client, run, make_tasks):
    await do(make_tasks(), client, run)
    impatient = make_tasks(limits=LimitSettings(engine_seconds=0.001))
    await impatient.run_audit(client.org_id, UUID(run.id), AuditKind.STRICT)
    done = await do(make_tasks(), client, run, *MEASURED)
    assert done.status == pb.AUDIT_STATUS_COMPLETED
    strict = result_of(done, AuditKind.STRICT)
    assert strict.status == pb.AUDIT_STATUS_NOT_MEASURED
    assert "failed: no end after 0.001 s" in strict.reason
    assert not strict.HasField("score")
    assert done.HasField("health")


async def test_a_store_that_is_away_is_waited_for(client, run, make_tasks, tmp_path):
    tasks = make_tasks()
    (tmp_path / "objects").rename(tmp_path / "away")
    (tmp_path / "objects").write_text("no folder")
    with pytest.raises(ObjectStoreUnavailable):
        await tasks.prepare_audit(client.org_id, UUID(run.id))
    (tmp_path / "objects").unlink()
    (tmp_path / "away").rename(tmp_path / "objects")
    assert (await do(tasks, client, run, *MEASURED)).status == pb.AUDIT_STATUS_COMPLETED


async def test_workers_on_different_machines_need_only_the_store(client, run, make_tasks, tmp_path):
    done = await do(make_tasks(data_dir=tmp_path / "one"), client, run)
    for number, kind in enumerate(MEASURED):
        done = await do(make_tasks(data_dir=tmp_path / f"other-{number}"), client, run, kind)
    assert done.status == pb.AUDIT_STATUS_COMPLETED


async def test_another_organisations_task_finds_nothing(client, run, make_tasks):
    tasks = make_tasks()
    with pytest.raises(AuditNotFound):
        await tasks.prepare_audit(uuid4(), UUID(run.id))
    with pytest.raises(AuditNotFound):
        await tasks.run_audit(uuid4(), UUID(run.id), AuditKind.GIT)


async def test_only_the_worst_findings_are_kept_and_all_are_counted(client, run, make_tasks):
    tasks = make_tasks(limits=LimitSettings(findings=1))
    done = await do(tasks, client, run, *MEASURED)
    strict = await client.findings(run.id, kind=pb.AUDIT_KIND_STRICT)
    assert [finding.rule for finding in strict] == ["ruff/F821"]
    assert result_of(done, AuditKind.STRICT).findings == 3
