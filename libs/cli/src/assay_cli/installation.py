"""The main job in its short form, done with an installation to see that all of its parts work together."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from assay_cli.git import snapshot
from assay_cli.output import Json
from assay_client import Assay, Problem

T = TypeVar("T")
Outcome = Literal["passed", "failed", "left out"]

WORDS: Final = ("blue", "river", "stone", "apple")
_VERSIONS: Final = ("Write a number.", "Repeat the word: {{ word }}\nWord:")
_SOURCE: Final = "def total(prices):\n    return sum(prices)\n"
_LABEL: Final = "production"
_PAUSE: Final = 0.3


class CheckFailed(Exception):
    """A part did not do what it should; the message says which condition does not hold."""


class LeftOut(Exception):
    """A part cannot be checked here; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the check, done."""

    name: str
    outcome: Outcome
    words: str
    seconds: float

    def document(self) -> dict[str, Any]:
        """The step for programs."""
        return {"name": self.name, "outcome": self.outcome, "words": self.words, "seconds": round(self.seconds, 2)}


@dataclass(frozen=True, slots=True)
class InstallationCheck:
    """Publishes a prompt, measures it on a model, audits a small repository, and looks for both in analytics.

    Everything is made in the organisation that the client acts in, under `name`, and stays there.

    Args:
        client: signed in.
        name: of the prompt, the dataset and the repository; new in the organisation.
        model: of the catalogue; by default its first.
        patience: seconds that each part may take.
    """

    client: Assay
    name: str
    model: str | None
    patience: float

    def __call__(self) -> Iterator[Step]:
        """Each part as it is done; a part that fails does not keep the others from being done."""
        for name, part in (
            ("prompts", self._publish),
            ("evaluation", self._measure),
            ("audit", self._audit),
            ("analytics", self._count),
        ):
            started = time.monotonic()
            outcome, words = _outcome_of(part)
            yield Step(name, outcome, words, time.monotonic() - started)

    def _publish(self) -> str:
        prompts = self.client.prompts
        prompts.create_prompt({"name": self.name})
        for text in _VERSIONS:
            prompts.publish_version(self.name, {"content": {"text": text}})
        prompts.set_label(self.name, _LABEL, {"version": 1})
        found = prompts.resolve_prompt(self.name, label=_LABEL)
        if found["number"] != 1:
            raise CheckFailed(f"the label {_LABEL} was put on version 1 and leads to {found['number']}")
        return f"{len(_VERSIONS)} versions published, one labelled"

    def _measure(self) -> str:
        model = self.model or self._first_model()
        self.client.datasets.create_dataset({"name": self.name})
        lines = "\n".join(json.dumps({"inputs": {"word": word}, "expected": word}) for word in WORDS)
        report = self.client.datasets.import_items(self.name, lines.encode(), "application/x-ndjson")
        if report["imported"] != len(WORDS):
            raise CheckFailed(f"{len(WORDS)} items were sent and {report['imported']} imported")
        baseline, candidate = (self._run(version, model) for version in (1, 2))
        comparison = self.client.comparisons.create_comparison(
            {"baseline_run_id": baseline["id"], "candidate_run_id": candidate["id"]}
        )
        decision = self.client.comparisons.decide_gate(comparison["id"], {"label": _LABEL, "policy": "not_worse"})
        expected = 2 if decision["allowed"] else 1
        self._eventually(
            f"the label {_LABEL} leads to version {expected}",
            lambda: self.client.prompts.resolve_prompt(self.name, label=_LABEL)["number"],
            expected.__eq__,
        )
        return f"{2 * len(WORDS)} answers of {model} scored, verdict {comparison['verdict']}"

    def _first_model(self) -> str:
        models = self.client.runs.list_models()["items"]
        if not models:
            raise LeftOut("the catalogue names no model")
        return models[0]["name"]

    def _run(self, version: int, model: str) -> Json:
        started = self.client.runs.create_run(
            {
                "prompt": self.name,
                "version": version,
                "dataset": self.name,
                "model": model,
                "parameters": {"max_tokens": 6, "temperature": 0.0},
                "evaluators": [{"kind": "contains"}],
            }
        )
        ended = self._ended("run", lambda: self.client.runs.get_run(started["id"]))
        if ended["progress"]["unmeasured"]:
            reasons = (each["unmeasured_reason"] for each in self.client.runs.iterate_results(started["id"]))
            raise CheckFailed(f"{ended['progress']['unmeasured']} items are unmeasured: {next(filter(None, reasons))}")
        return ended

    def _audit(self) -> str:
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            root, bundle = Path(folder) / self.name, Path(folder) / "repository.bundle"
            _make_repository(root)
            taken = snapshot(root, "HEAD")
            taken.write_bundle(bundle)
            self.client.repositories.create_repository({"name": self.name})
            with bundle.open("rb") as file:
                self.client.repositories.upload_bundle(self.name, file, "application/x-git-bundle", commit=taken.commit)
        started = self.client.audits.start_audit({"repository": self.name, "commit": taken.commit})
        ended = self._ended("audit", lambda: self.client.audits.get_audit(started["id"]))
        measured = sum(each["status"] == "completed" for each in ended["audits"])
        return f"{measured} audits measured a repository, health {ended['health']:.1f}"

    def _count(self) -> str:
        audits, runs = self._eventually(
            "analytics has counted the audit", self._counted, lambda counted: counted[0] > 0
        )
        return f"{audits} audits and {runs} runs counted"

    def _counted(self) -> tuple[int, int]:
        counters = self.client.analytics.get_summary()["counters"]
        return (counters["audits_completed"], counters["runs_completed"]) if counters else (0, 0)

    def _ended(self, what: str, read: Callable[[], Json]) -> Json:
        ended = self._eventually(f"the {what} has ended", read, lambda thing: thing["finished_at"] is not None)
        if ended["status"] != "completed":
            raise CheckFailed(f"the {what} {ended['id']} ended as {ended['status']}: {ended.get('reason', '')}")
        return ended

    def _eventually(self, what: str, read: Callable[[], T], holds: Callable[[T], bool]) -> T:
        give_up_at = time.monotonic() + self.patience
        while not holds(value := read()):
            if time.monotonic() > give_up_at:
                raise CheckFailed(f"after {self.patience:g} s it does still not hold that {what}")
            time.sleep(_PAUSE)
        return value


def _outcome_of(part: Callable[[], str]) -> tuple[Outcome, str]:
    try:
        return "passed", part()
    except LeftOut as reason:
        return "left out", str(reason)
    except (CheckFailed, Problem) as failure:
        return "failed", str(failure)


def _make_repository(root: Path) -> None:
    root.mkdir()
    (root / "cart.py").write_text(_SOURCE)
    git = ["git", "-C", str(root), "-c", "user.name=Assay", "-c", "user.email=check@assay.invalid"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Add a cart"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
