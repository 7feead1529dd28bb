"""The demo, step by step."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from assay_cli.commands.audit import show_audit
from assay_cli.commands.compare import show_comparison, show_decision
from assay_cli.commands.usage import show_summary
from assay_cli.output import Output
from assay_local.demo.command_line import AssayCommand, DemoFailed
from assay_local.demo.traces import Footprint, footprints
from assay_local.environment import MODEL_ALIAS

_HERE = Path(__file__).parent
_DATASET = _HERE / "support_messages.jsonl"
_FIRST, _SECOND = _HERE / "triage_v1.txt", _HERE / "triage_v2.yaml"
_PROMPT, _MESSAGES, _LABEL = "support-triage", "support-messages", "production"

_SCOPES = (
    "prompts:read", "prompts:write", "labels:write", "datasets:read", "datasets:write", "evaluations:read",
    "evaluations:write", "repositories:read", "repositories:write", "audits:read", "audits:write", "analytics:read",
)  # fmt: skip
_LONGEST_ANSWER = "4"
"""Tokens: a label has one or two."""
_ON_THE_WAY = frozenset({"gateway", "evaluation", "evaluation-work"})
"""HTTP → gRPC → Kafka → worker: the processes that must have logged a run's trace."""
_PATIENCE = 30.0
"""Seconds until the events of finished work must have been counted, and logs written."""
_PAUSE = 0.3

Json = Mapping[str, Any]
T = TypeVar("T")


class Demo:
    """Does the main job once, in an organisation of its own, and shows it.

    Args:
        console: where it is told.
        assay: the command line.
        repository: the folder of the git repository that is audited.
        logs: the folder of the suite's logs.
    """

    def __init__(self, console: Console, assay: AssayCommand, repository: Path, logs: Path) -> None:
        self._console = console
        self._assay = assay
        self._repository = repository
        self._logs = logs
        self._out = Output(as_json=False)

    def run(self, email: str, password: str) -> dict[str, Any]:
        """The results: `comparison` (with the gate's answer), `audit`, `analytics`, `trace_id`.

        Raises:
            DemoFailed: a step did not do what it should.
        """
        self._sign_in(email, password)
        self._publish()
        baseline, candidate = self._measure("1"), self._measure("2")
        comparison = self._compare(baseline, candidate)
        audit = self._audit()
        analytics = self._count(items=sum(run["progress"]["total"] for run in (baseline, candidate)))
        trace_id = str(candidate["trace_id"])
        self._follow(trace_id)
        return {"comparison": comparison, "audit": audit, "analytics": analytics, "trace_id": trace_id}

    def _sign_in(self, email: str, password: str) -> None:
        self._title("Sign in, and begin an organisation with a key for machines")
        self._assay("login", "--email", email, "--password-stdin", stdin=password + "\n")
        self._assay("org", "create", f"demo-{uuid4().hex[:8]}")
        scopes = [word for scope in _SCOPES for word in ("--scope", scope)]
        key = self._assay("key", "create", "demo", *scopes)
        self._assay.use_key(key["secret"])
        self._tell(f"key {key['api_key']['prefix']}… is used from here on")

    def _publish(self) -> None:
        self._title("A prompt with two versions, and labelled messages")
        self._assay("prompt", "create", _PROMPT, "--description", "Sorts support messages")
        self._assay("prompt", "publish", _PROMPT, str(_FIRST), "--message", "Ask for one word")
        self._assay("prompt", "publish", _PROMPT, "--chat", str(_SECOND), "--message", "Show examples")
        self._assay("prompt", "label", _PROMPT, _LABEL, "1")
        self._assay("dataset", "create", _MESSAGES)
        report = self._assay("dataset", "import", _MESSAGES, str(_DATASET))
        self._tell(f"{report['imported']} messages imported, {report['rejected']} rejected")

    def _measure(self, version: str) -> Json:
        self._title(f"Run version {version} on the local model")
        run = self._assay(
            "eval", "run", _PROMPT, "--version", version, "--dataset", _MESSAGES, "--model", MODEL_ALIAS,
            "--evaluator", "exact_match", "--evaluator", "token_f1",
            "--max-tokens", _LONGEST_ANSWER, "--stop", r"\n",
        )  # fmt: skip
        if run["status"] != "completed" or run["progress"]["unmeasured"]:
            raise DemoFailed(
                f"run {run['id']} ended as {run['status']} with {run['progress']['unmeasured']} items unmeasured"
            )
        return run

    def _compare(self, baseline: Json, candidate: Json) -> Json:
        self._title("Is version 2 better, and may it go to production?")
        answer = self._assay("compare", baseline["id"], candidate["id"], "--gate", _LABEL)
        show_comparison(self._out, answer["comparison"])
        show_decision(self._out, answer["gate"])
        expected = 2 if answer["gate"]["allowed"] else 1
        self._eventually(
            f"the label {_LABEL} points at version {expected}", self._version_in_production, expected.__eq__
        )
        self._tell(f"{_LABEL} points at version {expected}")
        return {**answer["comparison"], "gate": answer["gate"]}

    def _version_in_production(self) -> int:
        labels = self._assay("prompt", "show", _PROMPT, shown=False)["labels"]
        return int(next(label["version"] for label in labels if label["name"] == _LABEL))

    def _audit(self) -> Json:
        self._title("Is this repository sound?")
        audit = self._assay("audit", str(self._repository))
        show_audit(self._out, dict(audit), audit["worst_findings"])
        return audit

    def _count(self, items: int) -> Json:
        self._title("What analytics counted from the events")

        def is_complete(summary: Json) -> bool:
            counted = summary["counters"]
            measured = counted["items_measured"] + counted["items_unmeasured"]
            return (counted["runs_completed"], counted["audits_completed"], measured) == (2, 1, items)

        self._show("usage")
        summary = self._eventually(
            "analytics has counted both runs and the audit", lambda: self._assay("usage", shown=False), is_complete
        )
        show_summary(self._out, dict(summary))
        return summary

    def _follow(self, trace_id: str) -> None:
        self._title(f"One trace, from the request to the worker: {trace_id}")

        def is_whole(found: list[Footprint]) -> bool:
            return {each.process for each in found} >= _ON_THE_WAY

        found = self._eventually(
            f"the logs of {', '.join(sorted(_ON_THE_WAY))} carry the trace",
            lambda: footprints(self._logs, trace_id),
            is_whole,
        )
        table = Table("process", "lines", "the first is about", box=None, pad_edge=False)
        for each in found:
            table.add_row(each.process, str(each.lines), each.example)
        self._console.print(table)

    def _eventually(self, what: str, read: Callable[[], T], holds: Callable[[T], bool]) -> T:
        give_up_at = time.monotonic() + _PATIENCE
        while not holds(value := read()):
            if time.monotonic() > give_up_at:
                raise DemoFailed(f"after {_PATIENCE:.0f} s it does still not hold that {what}; it was: {_brief(value)}")
            time.sleep(_PAUSE)
        return value

    def _title(self, words: str) -> None:
        self._console.print(f"\n[bold]{words}[/]", highlight=False)

    def _tell(self, words: str) -> None:
        self._console.print(words, markup=False, highlight=False)

    def _show(self, command: str) -> None:
        self._console.print(f"[dim]$ assay {command}[/]", highlight=False)


def _brief(value: object) -> str:
    words = json.dumps(value, default=str)
    return words if len(words) < 1000 else words[:1000] + "…"
