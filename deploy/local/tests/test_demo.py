"""The demo: its material, its eyes for a trace, and the whole of it on the real suite."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from assay_local import demo
from assay_local.demo import AssayCommand, Demo, DemoFailed
from assay_local.demo.traces import footprints
from assay_local.stack import Stack
from assay_testing.repositories import repository

MATERIAL = Path(demo.__file__).parent
TRACE = "ab" * 16


def test_the_labels_are_balanced_and_no_message_is_an_example() -> None:
    rows = [json.loads(line) for line in (MATERIAL / "support_messages.jsonl").read_text().splitlines()]
    assert Counter(row["expected"] for row in rows) == {"payment": 12, "error": 12, "account": 12, "delivery": 12}
    messages = [row["inputs"]["message"] for row in rows]
    assert len(set(messages)) == len(messages)
    prompt = yaml.safe_load((MATERIAL / "triage_v2.yaml").read_text())["messages"]
    shown = {message["content"] for message in prompt if message["role"] == "user"}
    assert not shown & set(messages)
    assert Counter(message["content"] for message in prompt if message["role"] == "assistant") == dict.fromkeys(
        ("payment", "error", "account", "delivery"), 2
    )


def test_a_trace_is_followed_along_its_way(tmp_path: Path) -> None:
    lines = {
        "evaluation-work": [{"event": "asked"}, {"topic": "assay.evaluation.tasks", "type": "assay.x.EvaluateItems"}],
        "evaluation": [{"method": "/assay.evaluation.v1.RunService/CreateRun"}],
        "gateway": [{"method": "POST", "path": "/v1/runs"}],
        "prompt": [{"trace_id": "another", "event": f"speaks of {TRACE}"}],
    }
    for name, written in lines.items():
        text = "\n".join(
            json.dumps({"trace_id": TRACE, "timestamp": "2026-03-01T09:30:00Z", **line}) for line in written
        )
        (tmp_path / f"{name}.log").write_text(f"not JSON: {TRACE}\n{text}\n{{cut off {TRACE}")
    found = footprints(tmp_path, TRACE)
    assert [(each.process, each.lines, each.example) for each in found] == [
        ("gateway", 1, "HTTP POST /v1/runs"),
        ("evaluation", 1, "gRPC /assay.evaluation.v1.RunService/CreateRun"),
        ("evaluation-work", 2, "Kafka assay.evaluation.tasks (EvaluateItems)"),
    ]


def test_a_command_that_fails_ends_the_demo_with_its_name(tmp_path: Path) -> None:
    assay = AssayCommand(Console(), "http://127.0.0.1:1", tmp_path)
    with pytest.raises(DemoFailed, match=r"`assay whoami` ended with exit code 4"):
        assay("whoami")


def test_the_main_job_is_done_on_the_real_suite(stack: Stack, tmp_path: Path) -> None:
    code = repository(tmp_path / "shop", {"shop/cart.py": "def total(prices):\n    return sum(prices)\n"})
    console = Console(record=True, width=200)
    assay = AssayCommand(console, stack.gateway_url, tmp_path / "config")
    results = Demo(console, assay, code, stack.site.folder / "logs").run(stack.admin_email, stack.admin_password)
    assert list(results) == ["comparison", "audit", "analytics", "trace_id"]
    assert results["comparison"]["paired_items"] == 48
    assert results["comparison"]["gate"]["allowed"] is (results["comparison"]["verdict"] == "better")
    assert len(results["audit"]["audits"]) == 8
    assert results["analytics"]["counters"]["runs_completed"] == 2
    told = console.export_text()
    assert "$ assay compare" in told
    assert results["trace_id"] in told
    assert stack.admin_password not in told
