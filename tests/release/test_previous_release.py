"""A release is rolled out and back pod by pod: the previous one works on this schema, and each understands the other.

Migrations are this tree's throughout: a roll-back does not undo them.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path

import pytest

from assay_local.table import SUITE
from assay_testing.api import Api, eventually
from assay_testing.blocking import run
from assay_testing.repositories import bundle, repository

pytestmark = pytest.mark.timeout(1500)

PATIENCE_SECONDS = 240.0
WORDS = ["blue", "river", "stone", "apple"]
LINES = "\n".join(json.dumps({"inputs": {"word": word}, "expected": word}) for word in WORDS)


def finished(api, path):
    """A run or an audit, once it has ended."""
    return eventually(lambda: api.get(path), lambda thing: thing["finished_at"] is not None, PATIENCE_SECONDS)


def main_job(suite, folder):
    """The main job, as soon as callers have found a process that was replaced.

    One process stands for a component here; on a cluster the old pod serves until the new one is known.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return do_main_job(Api(suite.gateway_url, suite.admin_email, suite.admin_password), folder)
        except AssertionError as refused:
            if ": 503 " not in str(refused) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.5)


def do_main_job(api, folder):
    """A prompt, labelled; a run of it; an audit; and all of it counted and in the audit trail."""
    api.prompt("echo", "Repeat the word: {{ word }}\nWord:")
    api.put("/v1/prompts/echo/labels/production", {"version": 1})
    api.dataset("words", LINES)
    begun = api.post(
        "/v1/runs",
        {
            "prompt": "echo",
            "label": "production",
            "dataset": "words",
            "model": "local/smollm2",
            "parameters": {"max_tokens": 3, "temperature": 0},
            "evaluators": [{"kind": "contains"}],
        },
    )
    code = repository(folder / api.organisation["id"], {"shop.py": "def total(prices):\n    return sum(prices)\n"})
    api.post("/v1/repositories", {"name": "shop"})
    api.upload("/v1/repositories/shop/bundles", bundle(code), "application/x-git-bundle")
    audit = api.post("/v1/audits", {"repository": "shop"})
    assert finished(api, f"/v1/runs/{begun['id']}")["progress"] == {"total": 4, "measured": 4, "unmeasured": 0}
    assert finished(api, f"/v1/audits/{audit['id']}")["status"] == "completed"
    wanted = {"items_measured": 4, "runs_completed": 1, "audits_completed": 1, "versions_published": 1}
    counted = eventually(
        lambda: api.get("/v1/analytics/summary")["counters"],
        lambda counters: all(counters[name] >= value for name, value in wanted.items()),
        PATIENCE_SECONDS,
    )
    assert {name: counted[name] for name in wanted} == wanted
    eventually(
        lambda: {entry["action"] for entry in api.get("/v1/audit-trail")["items"]},
        lambda actions: "assay.prompt.v1.LabelMoved" in actions,
        PATIENCE_SECONDS,
    )
    assert api.get("/v1/audit-trail/verification")["intact"] is True


def test_the_previous_release_works_on_this_schema_and_beside_this_code(make_suite, previous_path, tmp_path):
    old = {"PYTHONPATH": previous_path}
    variables = {entry.name: dict(old) for entry in SUITE}
    suite = make_suite(variables)
    assert runs_from(suite.process("gateway")) == previous_path
    main_job(suite, tmp_path)

    for name in ("auth", "evaluation-work", "gateway", "audit-work", "prompt", "evaluation", "audit", "analytics"):
        variables[name].clear()
        if name.endswith("-work"):
            # As on a cluster: the new pod comes while the old one is there, and they share the work for a while.
            variables[f"{name}-2"] = {}
            run(suite.start_replica(name))
            main_job(suite, tmp_path)
            run(suite.process(f"{name}-2").stop())
        run(suite.process(name).restart())
        assert runs_from(suite.process(name)) == ""
        main_job(suite, tmp_path)


def test_a_release_is_rolled_back(make_suite, previous_path, tmp_path):
    """What the new code wrote and sent, the old code goes on with."""
    variables = {entry.name: {} for entry in SUITE}
    suite = make_suite(variables)
    main_job(suite, tmp_path)
    for name in ("gateway", "evaluation", "audit", "evaluation-work", "auth", "prompt", "audit-work", "analytics"):
        variables[name] = {"PYTHONPATH": previous_path}
        run(suite.process(name).restart())
        assert runs_from(suite.process(name)) == previous_path
    main_job(suite, tmp_path)


def test_two_migrations_at_once_wait_for_each_other(make_stack):
    """As when two installations' hooks, or two tries of one Job, run at the same time."""
    suite = make_stack()
    try:
        run(suite.postgres.start())
        (entry,) = [entry for entry in SUITE if entry.name == "auth"]
        failures = []

        def migrate():
            try:
                run(suite.migrate(entry))
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=migrate) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
    finally:
        run(suite.down())


def runs_from(service) -> str:
    """The PYTHONPATH of a running process."""
    pid = service.process.pid
    proc = Path(f"/proc/{pid}/environ")
    if not proc.exists():
        listed = subprocess.run(["ps", "eww", str(pid)], capture_output=True, text=True, check=True).stdout.split()
    else:
        listed = proc.read_text(errors="replace").split("\0")
    return next((each.removeprefix("PYTHONPATH=") for each in listed if each.startswith("PYTHONPATH=")), "")
