"""The chart rendered by Helm itself, offline, and the pieces of a rendering that the tests ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "assay"
SIZED = ("small", "medium")
"""Examples that differ from the others in numbers alone: test_sizing looks at those, and nobody else needs to."""
EXAMPLES = {path.stem: path for path in sorted((CHART / "examples").glob("*.yaml")) if path.stem not in SIZED}
RELEASE = "assay"
NAMESPACE = "assay"

Object = dict[str, Any]


@dataclass(frozen=True)
class Rendering:
    """What the chart makes of some values."""

    files: dict[str, str]
    """Path of a template → what it renders to."""

    @cached_property
    def objects(self) -> list[Object]:
        """The Kubernetes objects, hooks included."""
        texts = (text for path, text in sorted(self.files.items()) if not path.endswith("NOTES.txt"))
        return [document for text in texts for document in yaml.safe_load_all(text) if document]

    @property
    def notes(self) -> str:
        """What `helm install` prints."""
        return next(text for path, text in self.files.items() if path.endswith("NOTES.txt"))

    def of_kind(self, kind: str) -> dict[str, Object]:
        """The objects of a kind by name, without the release's."""
        return {
            document["metadata"]["name"].removeprefix(f"{RELEASE}-"): document
            for document in self.objects
            if document["kind"] == kind
        }

    @property
    def services(self) -> dict[str, Object]:
        """The Services of components: not those of a trial's servers."""
        return {name: each for name, each in self.of_kind("Service").items() if name not in self.of_kind("StatefulSet")}

    @property
    def preparations(self) -> dict[str, Object]:
        """The Jobs that prepare the stores, by name without a revision: not that of `helm test`."""
        jobs = self.of_kind("Job").items()
        return {re.sub(r"-r\d+$", "", name): job for name, job in jobs if name != "test"}

    @property
    def programs(self) -> dict[str, Object]:
        """The pod templates whose programs read settings of services: of Deployments and preparations, by name."""
        deployments = self.of_kind("Deployment")
        return {name: each["spec"]["template"] for name, each in {**deployments, **self.preparations}.items()}

    @property
    def pods(self) -> dict[str, Object]:
        """The pod templates of Deployments and Jobs, by name."""
        return {
            name: document["spec"]["template"]
            for kind in ("Deployment", "Job")
            for name, document in self.of_kind(kind).items()
        }


Render = Callable[[dict[str, Any]], Rendering]


def example(name: str) -> dict[str, Any]:
    """The values of an example."""
    loaded: dict[str, Any] = yaml.safe_load((CHART / "examples" / f"{name}.yaml").read_text())
    return loaded


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The values with changes, as Helm merges several values files."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return result


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write the golden renderings of the chart anew")


@pytest.fixture(scope="session")
def render() -> Iterator[Render]:
    """Render the chart with some values; raises HelmError when it refuses them."""
    with Chart.load(CHART) as chart:
        yield lambda values: Rendering(chart.render(values, name=RELEASE, namespace=NAMESPACE))


@pytest.fixture(scope="session")
def minimal(render: Render) -> Callable[..., Rendering]:
    """Render the minimal example with changes."""
    return lambda changes=None: render(merged(example("minimal"), changes or {}))


@pytest.fixture(scope="session")
def external(render: Render) -> Rendering:
    """The example in which everything comes from outside."""
    return render(example("external"))


@pytest.fixture(scope="session", params=EXAMPLES)
def example_name(request: pytest.FixtureRequest) -> str:
    """Each example."""
    return str(request.param)


@pytest.fixture(scope="session")
def values(example_name: str) -> dict[str, Any]:
    """Each example's values."""
    return example(example_name)


@pytest.fixture(scope="session")
def rendering(values: dict[str, Any], render: Render) -> Rendering:
    """Each example's rendering."""
    return render(values)


@pytest.fixture(scope="session")
def chart() -> Path:
    """The chart's folder."""
    return CHART


@pytest.fixture(scope="session")
def defaults() -> dict[str, Any]:
    """The chart's own values."""
    loaded: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return loaded


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return ROOT
