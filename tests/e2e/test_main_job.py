"""The main job over HTTP, on real parts: is this prompt better, is this code sound?"""

from __future__ import annotations

import json

from assay_testing.api import eventually
from assay_testing.repositories import bundle, repository

WORDS = ["blue", "river", "stone", "apple", "green", "table", "cloud", "paper", "glass", "horse", "music", "bread"]
LINES = "\n".join(json.dumps({"inputs": {"word": word}, "expected": word}) for word in WORDS)


def run(api, version, **changes):
    wanted = {
        "prompt": "echo",
        "version": version,
        "dataset": "words",
        "model": "local/smollm2",
        "parameters": {"max_tokens": 6, "temperature": 0},
        "evaluators": [
            {"kind": "contains"},
            {"kind": "token_f1"},
            {"name": "letters", "kind": "regex", "config": {"pattern": "[a-z]"}},
        ],
        **changes,
    }
    return api.post("/v1/runs", wanted)


def test_a_prompt_change_is_measured_compared_and_gated(api):
    api.prompt("echo", "Write a number.", "Repeat the word: {{ word }}\nWord:")
    api.put("/v1/prompts/echo/labels/production", {"version": 1})
    api.dataset("words", LINES)
    runs = [run(api, version) for version in (1, 2)]
    baseline, candidate = (api.finished(f"/v1/runs/{each['id']}") for each in runs)
    for each in (baseline, candidate):
        assert each["status"] == "completed"
        assert each["progress"] == {"total": 12, "measured": 12, "unmeasured": 0}
        assert each["totals"]["output_tokens"] > 0
        assert each["totals"]["cost_usd"] == 0
        results = api.get(f"/v1/runs/{each['id']}/results", limit=200)["items"]
        assert [result["index"] for result in results] == list(range(12))
    comparison = api.post("/v1/comparisons", {"baseline_run_id": baseline["id"], "candidate_run_id": candidate["id"]})
    assert comparison["paired_items"] == 12
    assert {row["evaluator"] for row in comparison["evaluators"]} == {"contains", "token_f1", "letters"}
    contains = comparison["evaluators"][0]
    assert contains["ci_low"] <= contains["difference"] <= contains["ci_high"]
    assert 0 <= contains["mcnemar_p"] <= 1
    assert contains["wins"] + contains["losses"] + contains["ties"] == 12
    decision = api.post(f"/v1/comparisons/{comparison['id']}/gate", {"label": "production", "policy": "better"})
    assert decision["allowed"] is (comparison["verdict"] == "better")
    assert decision["reason"]
    expected = 2 if decision["allowed"] else 1
    labels = eventually(lambda: api.get("/v1/prompts/echo")["labels"], lambda labels: labels[0]["version"] == expected)
    assert [label["name"] for label in labels] == ["production"]
    summary = eventually(
        lambda: api.get("/v1/analytics/summary"),
        lambda summary: summary["counters"]["items_measured"] == 24 and summary["counters"]["runs_completed"] == 2,
    )
    used = sum(each["totals"]["output_tokens"] for each in (baseline, candidate))
    assert summary["counters"]["output_tokens"] == used
    assert summary["models"][0]["model"] == "local/smollm2"


def test_a_missing_variable_is_unmeasured_and_never_a_wrong_answer(api):
    api.prompt("echo", "Repeat: {{ word }}")
    api.dataset("words", '{"inputs": {"word": "blue"}, "expected": "blue"}\n{"inputs": {}, "expected": "red"}')
    finished = api.finished(f"/v1/runs/{run(api, 1)['id']}")
    assert finished["progress"] == {"total": 2, "measured": 1, "unmeasured": 1}
    results = api.get(f"/v1/runs/{finished['id']}/results")["items"]
    assert "word" in results[1]["unmeasured_reason"]
    assert results[1]["output"] is None


def test_a_run_can_be_cancelled(api):
    api.prompt("echo", "Repeat: {{ word }}")
    api.dataset("words", "\n".join([LINES] * 20))
    started = run(api, 1, parameters={"max_tokens": 200, "temperature": 0})
    cancelled = api.post(f"/v1/runs/{started['id']}/cancel")
    assert cancelled["status"] == "cancelled"
    again = api.http.post(f"/v1/runs/{started['id']}/cancel")
    assert again.status_code in (200, 409, 422)
    assert api.get(f"/v1/runs/{started['id']}")["status"] == "cancelled"


def test_code_is_audited_from_a_bundle(api, tmp_path):
    folder = repository(
        tmp_path / "shop",
        {
            "shop/__init__.py": "",
            "shop/cart.py": "import os\n\n\ndef total(prices):\n    eval('1')\n    return sum(prices)\n",
            "tests/test_cart.py": "from shop.cart import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
        },
    )
    api.post("/v1/repositories", {"name": "shop"})
    uploaded = api.upload("/v1/repositories/shop/bundles", bundle(folder), "application/x-git-bundle")
    assert len(uploaded["head_commit"]) == 40
    started = api.post("/v1/audits", {"repository": "shop"})
    finished = api.finished(f"/v1/audits/{started['id']}")
    assert finished["status"] == "completed", finished
    by_kind = {audit["kind"]: audit for audit in finished["audits"]}
    assert list(by_kind) == ["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"]
    for kind in ("integrity", "tdd", "git", "servant", "strict"):
        assert 0 <= by_kind[kind]["score"] <= 100, by_kind[kind]
    for kind in ("flow", "sages", "predictive"):
        assert by_kind[kind]["status"] == "not_measured"
        assert by_kind[kind]["score"] is None
    assert 0 <= finished["health"] <= 100
    findings = api.get(f"/v1/audits/{finished['id']}/findings", limit=200)["items"]
    assert any(finding["path"] == "shop/cart.py" and finding["line"] > 0 for finding in findings)
    sarif = api.http.get(f"/v1/audits/{finished['id']}/sarif")
    assert sarif.headers["content-type"].startswith("application/sarif+json")
    assert sarif.json()["version"] == "2.1.0"
    counted = eventually(
        lambda: api.get("/v1/analytics/summary")["counters"], lambda counters: counters["audits_completed"] == 1
    )
    assert counted["findings"] == finished["findings"]
