from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_audit.domain.errors import MalformedRepository, RepositoryIsCloned, RepositoryIsEmpty, UnknownCommit
from assay_audit.domain.files import TreeEntry
from assay_audit.domain.integrity import merge_markers, suspicious_entries
from assay_audit.domain.kinds import MEASURED, AuditKind, Status
from assay_audit.domain.repository import Bundle, Repository
from assay_audit.domain.run import AuditResult, AuditRun

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def repository(url: str = "") -> Repository:
    return Repository.register(uuid4(), "shop", url, at=NOW)


def run() -> AuditRun:
    return AuditRun.queue(uuid4(), uuid4(), "shop", "c" * 40, "d" * 64, at=NOW)


@pytest.mark.parametrize("name", ["", "Shop", "-shop", "a b", "a" * 101, "ü", "00000000-0000-0000-0000-000000000007"])
def test_names_that_break_their_form(name):
    with pytest.raises(MalformedRepository):
        Repository.register(uuid4(), name, "", at=NOW)


def test_a_repository_without_bundle_cannot_be_audited():
    with pytest.raises(RepositoryIsEmpty):
        repository().commit_to_audit("")
    assert repository("https://example.org/a").commit_to_audit("") == ""
    with pytest.raises(UnknownCommit):
        repository("https://example.org/a").commit_to_audit("main")


def test_a_bundle_moves_the_head_once():
    shop = repository()
    bundle = Bundle(shop.id, "d" * 64, "c" * 40, 10, NOW)
    assert shop.take(bundle)
    assert not shop.take(bundle)
    assert shop.etag == "3"
    assert shop.commit_to_audit("") == "c" * 40
    with pytest.raises(RepositoryIsCloned):
        repository("https://example.org/a").accepts_bundles()


def test_a_new_run_has_eight_audits_of_which_three_are_not_measured_yet():
    audits = run().audits
    assert [audit.kind for audit in audits] == list(AuditKind)
    assert {audit.kind for audit in audits if audit.status is Status.QUEUED} == set(MEASURED)
    assert {audit.reason for audit in audits if audit.status is Status.NOT_MEASURED} == {"not measured yet"}


def test_a_completed_run_has_the_health_of_what_was_measured():
    done = run()
    done.audits = [
        AuditResult(audit.kind, Status.COMPLETED, score=80.0, findings=2) if not audit.ended else audit
        for audit in done.audits
    ]
    done.complete(at=NOW)
    assert (done.status, done.health, done.findings, done.finished_at) == (Status.COMPLETED, 80.0, 10, NOW)


def test_a_failed_run_says_why_and_measures_nothing():
    failed = run()
    failed.fail("the forge refused", at=NOW)
    assert (failed.status, failed.reason, failed.health) == (Status.FAILED, "the forge refused", None)
    assert all(audit.status is Status.NOT_MEASURED for audit in failed.audits)


def test_merge_markers_are_found_only_when_complete():
    conflict = ["a", "<<<<<<< HEAD", "b", "=======", "c", ">>>>>>> topic"]
    assert merge_markers(conflict) == [2]
    assert merge_markers(["=======", "A title", "======="]) == []
    assert merge_markers(["<<<<<<< HEAD", "x"]) == []


def test_key_files_environment_files_and_huge_files_are_suspicious():
    entries = [
        TreeEntry("100644", "b", 10, "deploy/id_rsa"),
        TreeEntry("100644", "b", 10, ".env"),
        TreeEntry("100644", "b", 10, ".env.example"),
        TreeEntry("100644", "b", 50_000_000, "data.bin"),
        TreeEntry("100644", "b", 10, "src/a.py"),
    ]
    assert [(finding.rule, finding.path) for finding in suspicious_entries(entries)] == [
        ("assay/key-file", "deploy/id_rsa"),
        ("assay/environment-file", ".env"),
        ("assay/huge-file", "data.bin"),
    ]
