"""Runs, comparisons, gates, audits, usage."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

RUN = ("eval", "run", "triage", "--version", "2", "--dataset", "messages", "--model", "local/smollm2")


def test_a_run_is_watched_to_its_end(assay, gateway, answers):
    gateway.on("POST /v1/runs", answers.run(0, finished=False), 201)
    gateway.on("GET /v1/runs/r1", answers.run(20, finished=False))
    gateway.on("GET /v1/runs/r1", answers.run())
    ran = assay(*RUN, "--evaluator", 'regex:one-word={"pattern": "^a$"}', "--stop", r"\n", "--max-tokens", "4")
    assert ran.code == 0, ran.err
    assert "0.688" in ran.out
    assert "triage v2: 48/48 items" in ran.err
    sent = gateway.asked("POST /v1/runs")[0].json
    assert sent["evaluators"] == [{"kind": "regex", "name": "one-word", "config": {"pattern": "^a$"}}]
    assert sent["parameters"] == {"max_tokens": 4, "temperature": 0.0, "seed": None, "stop": ["\n"]}


def test_a_runs_document_carries_its_trace(assay, gateway, answers):
    gateway.on("POST /v1/runs", answers.run(0, finished=False), 201)
    ran = assay(*RUN, "--evaluator", "exact_match", "--no-wait", "--json")
    assert ran.json == {**answers.run(0, finished=False), "trace_id": "ab" * 16}
    assert len(gateway.seen) == 1


def test_results_can_be_narrowed_to_failures(assay, gateway):
    def result(index, passed):
        score = {"evaluator": "exact_match", "score": float(passed), "passed": passed, "unmeasured_reason": ""}
        return {"index": index, "output": "a", "scores": [score], "unmeasured_reason": "", "latency_ms": 1.0}

    unmeasured = {"index": 2, "output": None, "scores": [], "unmeasured_reason": "too slow", "latency_ms": None}
    items = [result(0, True), result(1, False), unmeasured]
    gateway.on("GET /v1/runs/r1/results", {"items": items, "next_cursor": None})
    assert "too slow" in assay("eval", "results", "r1").out
    assert [each["index"] for each in assay("eval", "results", "r1", "--failed", "--json").json["items"]] == [1]


@pytest.mark.parametrize(("allowed", "code"), [(True, 0), (False, 1)], ids=["open", "shut"])
def test_a_gate_decides_the_exit_code_and_says_why(assay, gateway, answers, allowed, code):
    gateway.on("POST /v1/comparisons", answers.comparison, 201)
    gateway.on("POST /v1/comparisons/c1/gate", answers.decision(allowed), 201)
    ran = assay("compare", "r1", "r2", "--gate", "production")
    assert ran.code == code
    assert answers.decision(allowed)["reason"] in ran.out
    for_programs = assay("compare", "r1", "r2", "--gate", "production", "--policy", "not_worse", "--json")
    assert for_programs.code == code
    assert for_programs.json == {"comparison": answers.comparison, "gate": answers.decision(allowed)}
    policies = [each.json["policy"] for each in gateway.asked("POST /v1/comparisons/c1/gate")]
    assert policies == ["better", "not_worse"]


def test_a_comparison_shows_every_number(assay, gateway, answers):
    gateway.on("POST /v1/comparisons", answers.comparison, 201)
    ran = assay("compare", "r1", "r2")
    assert ran.code == 0
    for words in (
        "0.250",
        "0.688",
        "+0.438",
        "+0.271 … +0.604",
        "< 0.0001",
        "24/3/20",
        "better",
        "no evidence",
        "+81.0",
    ):
        assert words in ran.out, words
    assert gateway.seen[0].json["baseline_run_id"] == "r1"


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "My Shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for text in ("one", "two"):
        (folder / "a.txt").write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", text)
    return folder


def git(folder, *arguments):
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, env=environment, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def auditing(gateway, answers):
    uploaded = {"repository_id": "x1", "digest": "sha256:0", "head_commit": "c" * 40, "size_bytes": 9}
    known = {"id": "x1", "name": "my-shop", "url": "", "head_commit": "", "created_at": None, "updated_at": None}
    gateway.refuse("GET /v1/repositories/my-shop", 404, "REPOSITORY_NOT_FOUND", "there is none")
    gateway.on("POST /v1/repositories", known, 201)
    gateway.on("POST /v1/repositories/my-shop/bundles", uploaded, 201)
    gateway.on("POST /v1/audits", answers.audit("queued"), 201)
    gateway.on("GET /v1/audits/a1", answers.audit("running"))
    gateway.on("GET /v1/audits/a1", answers.audit())
    gateway.on("GET /v1/audits/a1/findings", {"items": [answers.finding], "next_cursor": None})
    gateway.on("GET /v1/audits/a1/sarif", b'{"version": "2.1.0"}')
    return gateway


def test_a_folder_is_sent_as_a_bundle_and_audited(assay, auditing, answers, repository, tmp_path):
    (repository / "b.txt").write_text("not committed")
    ran = assay("audit", str(repository), "--sarif", str(tmp_path / "out.sarif"))
    assert ran.code == 0, ran.err
    for words in ("integrity", "91.5", "not measured yet", "shop/cart.py:7", "ruff/F821", "overall health 91.5 of 100"):
        assert words in ran.out, words
    assert "1 uncommitted changes are not audited" in ran.err
    assert json.loads((tmp_path / "out.sarif").read_text()) == {"version": "2.1.0"}
    head = git(repository, "rev-parse", "HEAD")
    (sent,) = auditing.asked("POST /v1/repositories/my-shop/bundles")
    assert sent.headers["content-type"] == "application/x-git-bundle"
    assert sent.query == {"commit": head}
    assert cloned(tmp_path, sent.body, head) == ["two", "one"]
    assert auditing.asked("POST /v1/audits")[0].json == {"repository": "my-shop", "commit": head}


@pytest.mark.parametrize("ref", ["HEAD~1", "v1", "main"])
def test_any_commit_can_be_named(assay, auditing, repository, tmp_path, ref):
    git(repository, "tag", "v1", "HEAD~1")
    ran = assay("audit", str(repository), "--ref", ref, "--json")
    assert ran.code == 0, ran.err
    (sent,) = auditing.asked("POST /v1/repositories/my-shop/bundles")
    wanted = git(repository, "rev-parse", ref)
    assert sent.query == {"commit": wanted}
    assert cloned(tmp_path, sent.body, wanted)[-1] == "one"


def cloned(folder, content, commit):
    """The subjects of the history of a bundle's commit."""
    bundle, bare = folder / "sent.bundle", folder / "clone.git"
    bundle.write_bytes(content)
    git(folder, "init", "-q", "--bare", str(bare))
    names = [line.split()[1] for line in git(folder, "bundle", "list-heads", str(bundle)).splitlines()]
    git(bare, "fetch", "-q", str(bundle), *(f"+{name}:refs/sent/{name}" for name in names))
    return git(bare, "log", "--format=%s", commit).splitlines()


@pytest.mark.parametrize(("score", "code"), [("91.5", 0), ("92", 1)])
def test_a_low_score_is_exit_code_1(assay, auditing, repository, score, code):
    assert assay("audit", str(repository), "--fail-under", score, "--json").code == code


def test_an_audits_document_has_the_worst_findings_and_the_trace(assay, auditing, answers, repository):
    ran = assay("audit", str(repository), "--json")
    expected = {**answers.audit(), "trace_id": "ab" * 16, "worst_findings": [answers.finding]}
    assert ran.json == expected
    assert auditing.asked("GET /v1/audits/a1/findings")[0].query == {"limit": "10"}


def test_a_failed_audit_is_an_error(assay, auditing, answers, repository):
    auditing.answers["GET", "/v1/audits/a1"] = [(200, answers.audit("failed", reason="the mirror is gone"), {})]
    ran = assay("audit", str(repository))
    assert ran.code == 3
    assert "the mirror is gone" in ran.out


def test_a_repository_that_cannot_be_sent_is_refused_here(assay, gateway, repository, tmp_path):
    (tmp_path / "empty").mkdir()
    git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), "shallow")
    assert "git" in assay("audit", str(tmp_path / "empty")).err
    assert "--unshallow" in assay("audit", str(tmp_path / "shallow")).err
    assert "has no commit nowhere" in assay("audit", str(repository), "--ref", "nowhere").err
    git(tmp_path / "empty", "init", "-q")
    ran = assay("audit", str(tmp_path / "empty"))
    assert ran.code == 2
    assert "has no commit HEAD" in ran.err
    assert gateway.seen == []


def test_a_url_is_registered_and_cloned_by_the_service(assay, auditing):
    url = "https://git.example.org/team/My-Shop.git"
    known = {"id": "x1", "name": "my-shop", "url": url, "head_commit": ""}
    auditing.answers["POST", "/v1/repositories"] = [(201, known, {})]
    assert assay("audit", url, "--json").code == 0
    assert auditing.asked("POST /v1/repositories")[0].json == {"name": "my-shop", "url": url}
    assert auditing.asked("POST /v1/audits")[0].json == {"repository": "my-shop", "commit": None}
    auditing.answers["GET", "/v1/repositories/my-shop"] = [(200, {**known, "url": "https://elsewhere.org/x"}, {})]
    assert assay("audit", url).code == 2


def test_usage_is_told(assay, gateway, answers):
    gateway.on("GET /v1/analytics/summary", answers.summary)
    ran = assay("usage", "--hours", "48")
    for words in ("2 completed", "96 measured", "14,000 in", "$0.000123", "5 items whose price is unknown", "1 open"):
        assert words in ran.out, words
    assert "from" in gateway.seen[0].query
    assert assay("usage", "--json").json == answers.summary


def test_models_are_listed(assay, gateway):
    gateway.on("GET /v1/models", {"items": [{"name": "local/smollm2", "priced": True}], "next_cursor": None})
    assert "local/smollm2" in assay("models").out
