"""The examples by size can carry the load that they say they are meant for, by what was measured (make sizing)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.conftest import example

SIZES = ("small", "medium", "large")
LOAD = re.compile(
    r"Load: ([\d,]+) users, ([\d,]+) requests/s, ([\d,]+) evaluation items/h, ([\d,]+) audits/h of ([\d,]+) kLOC"
)
TARGET = 0.75
"""Of what is asked for, as the autoscalers have it: the rest is for peaks."""
MODEL_SECONDS = 2.0
"""What an answer of a model takes: a worker has so many requests open at once, and most of its time it waits."""
SIGN_INS_PER_USER_AND_HOUR = 1.0
PUBLICATIONS_PER_USER_AND_HOUR = 1.0
PROCESSES = {"evaluation-work": "evaluation-worker", "audit-work": "audit-worker"}


@pytest.fixture(scope="module")
def measured(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((root / "docs" / "operations" / "sizing.json").read_text())
    return loaded


@pytest.fixture(scope="module", params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rendering(size: str, render: Any) -> Any:
    return render(example(size))


@pytest.fixture(scope="module")
def load(size: str, chart: Path) -> tuple[float, ...]:
    """Users, requests/s, items/s, sign-ins/s, publications/s and kLOC/s that an example promises."""
    text = " ".join((chart / "examples" / f"{size}.yaml").read_text().replace("\n# ", " ").split())
    found = LOAD.search(text)
    assert found, f"{size}.yaml does not say its load"
    users, requests, items, audits, kloc = (float(each.replace(",", "")) for each in found.groups())
    hourly = SIGN_INS_PER_USER_AND_HOUR * users / 3600, PUBLICATIONS_PER_USER_AND_HOUR * users / 3600
    return users, requests, items / 3600, *hourly, audits * kloc / 3600


def test_processors_are_enough(load: tuple[float, ...], rendering: Any, measured: dict[str, Any]) -> None:
    _, requests, items, sign_ins, publications, kloc = load
    rates = dict(zip(measured["per_unit_ms"], (requests, publications, sign_ins, items, kloc), strict=True))
    for process in measured["idle_mb"]:
        name = PROCESSES.get(process, process)
        cores = sum(rates[unit] * taken[process] / 1000 for unit, taken in measured["per_unit_ms"].items())
        cores += measured["idle_cores"][process]
        asked = _pods(rendering, name) * _cpu(_container(rendering, name)["resources"]["requests"]["cpu"])
        assert cores <= TARGET * asked, f"{name} takes {cores:.2f} cores and may ask for {asked:.2f}"


def test_workers_are_enough_for_models_that_take_their_time(load: tuple[float, ...], rendering: Any) -> None:
    container = _container(rendering, "evaluation-worker")
    at_once = next((int(each["value"]) for each in container["env"] if each["name"] == "ASSAY_WORKER__REQUESTS"), 8)

    assert load[2] <= _pods(rendering, "evaluation-worker") * at_once / MODEL_SECONDS


def test_memory_is_enough(rendering: Any, measured: dict[str, Any]) -> None:
    """What is asked for holds an idle process, and the limit half as much again as was ever seen."""
    for process, idle in measured["idle_mb"].items():
        name = PROCESSES.get(process, process)
        resources = _container(rendering, name)["resources"]
        assert idle <= _megabytes(resources["requests"]["memory"]), name
        assert 1.5 * measured["most_mb"][process] <= _megabytes(resources["limits"]["memory"]), name


def _pods(rendering: Any, name: str) -> int:
    """The most pods of a component that there may be."""
    scalers = rendering.of_kind("HorizontalPodAutoscaler") | rendering.of_kind("ScaledObject")
    if name in scalers:
        spec = scalers[name]["spec"]
        return int(spec.get("maxReplicas") or spec["maxReplicaCount"])
    return int(rendering.of_kind("Deployment")[name]["spec"]["replicas"])


def _container(rendering: Any, name: str) -> dict[str, Any]:
    (container,) = rendering.pods[name]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def _cpu(quantity: str) -> float:
    text = str(quantity)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _megabytes(quantity: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 2**20, "Gi": 2**30}[unit] / 1e6
