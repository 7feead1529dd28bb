"""Work a second: items that evaluation workers measure, and lines of code that audit workers read."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.load import model_stub
from tests.load.client import LoadFailed
from tests.load.suite import MODEL

from assay_testing.api import Api

ROUNDS: Final = 3
ITEMS: Final = 500
ITEMS_TO_WARM_UP: Final = 32
MEASURED: Final = frozenset({"integrity", "tdd", "git", "servant", "strict"})
"""The audits that have engines; the figure is of all of them together."""

_REPOSITORY: Final = Path(__file__).parents[2]


def measure_evaluation(api: Api) -> dict[str, Any]:
    """Items a second from the request that makes the run to its end, with a model that answers at once."""
    api.prompt("route", "Which team answers this message? {{ message }}")
    for name, items in (("warm-up", ITEMS_TO_WARM_UP), ("messages", ITEMS)):
        api.dataset(name, lines_of(items))
    items_per_second(api, "warm-up")
    rates = [items_per_second(api, "messages") for _ in range(ROUNDS)]
    return {
        "items_per_s": round(statistics.median(rates), 1),
        "items": ITEMS,
        "evaluators": [evaluator["kind"] for evaluator in _EVALUATORS],
        "rounds": [round(rate, 1) for rate in rates],
    }


def measure_audit(make_api: Callable[[], Api], folder: Path) -> dict[str, Any]:
    """Thousand lines a second over this repository's last commit: first seen by an organisation, and seen again."""
    bundle = bundle_of_this(folder)
    cold, warm = [], []
    for _ in range(ROUNDS):
        api = make_api()
        api.post("/v1/repositories", {"name": "assay"})
        api.upload("/v1/repositories/assay/bundles", bundle.read_bytes(), "application/x-git-bundle")
        cold.append(audited(api))
        warm.append(audited(api))
    return {
        "kloc_per_s": round(_median_rate(cold), 2),
        "warm_kloc_per_s": round(_median_rate(warm), 2),
        "seconds": round(statistics.median(_seconds(run) for run in cold), 2),
        "warm_seconds": round(statistics.median(_seconds(run) for run in warm), 2),
        "lines_of_code": cold[0]["lines_of_code"],
        "files": cold[0]["files"],
        "rounds": [
            {"seconds": round(_seconds(a), 2), "warm_seconds": round(_seconds(b), 2)}
            for a, b in zip(cold, warm, strict=True)
        ],
    }


def bundle_of_this(folder: Path) -> Path:
    """This repository's last commit with its history, as a git bundle."""
    bundle = folder / "repository.bundle"
    subprocess.run(
        ["git", "-C", _REPOSITORY, "bundle", "create", "--quiet", bundle, "HEAD"], check=True, capture_output=True
    )
    return bundle


_EVALUATORS: Final = [{"kind": "exact_match"}, {"kind": "contains"}, {"kind": "token_f1"}]


def lines_of(items: int) -> str:
    """A dataset of so many messages, as JSONL."""
    return "\n".join(
        json.dumps({"inputs": {"message": f"Invoice {number} was charged twice."}, "expected": model_stub.ANSWER})
        for number in range(items)
    )


def items_per_second(api: Api, dataset: str, **waiting: float) -> float:
    """A run over a dataset, from request to end; raises LoadFailed."""
    wanted = {"prompt": "route", "dataset": dataset, "model": MODEL, "evaluators": _EVALUATORS}
    run = api.finished(f"/v1/runs/{api.post('/v1/runs', wanted)['id']}", **waiting)
    progress: dict[str, int] = run["progress"]
    if run["status"] != "completed" or progress["measured"] != progress["total"]:
        raise LoadFailed(f"the run ended as {run['status']} with {progress}")
    return progress["total"] / _seconds(run)


def audited(api: Api, **waiting: float) -> dict[str, Any]:
    """An audit run over the uploaded bundle, once it has ended; raises LoadFailed."""
    run: dict[str, Any] = api.finished(f"/v1/audits/{api.post('/v1/audits', {'repository': 'assay'})['id']}", **waiting)
    measured = {audit["kind"] for audit in run["audits"] if audit["status"] == "completed"}
    if run["status"] != "completed" or measured != MEASURED:
        raise LoadFailed(f"the audit ended as {run['status']} {run['reason']}; measured: {sorted(measured)}")
    return run


def _median_rate(runs: list[dict[str, Any]]) -> float:
    return statistics.median(float(run["lines_of_code"]) / 1000 / _seconds(run) for run in runs)


def _seconds(run: dict[str, Any]) -> float:
    """From the moment a run or an audit was asked for to its end, by the clock of the database or its service."""
    return (datetime.fromisoformat(run["finished_at"]) - datetime.fromisoformat(run["created_at"])).total_seconds()
