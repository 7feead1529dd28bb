"""Every rendering of the matrix, shown to the API server of a cluster: a strict dry run, in which nothing is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart
from tests.cluster.kube import Cluster, CommandFailed
from tests.deploy.matrix import BASES, KEDA, MESHES, base, combinations

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "assay"
NAMESPACE = "default"
"""Nothing is made in it, so that any namespace does that is there."""
RELEASE = "assay-never-installed"
FAMILIES = ("istio.io", "gateway.networking.k8s.io", "keda.sh", "monitoring.coreos.com")


@pytest.fixture(scope="module")
def chart() -> Iterator[Chart]:
    with Chart.load(CHART) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return loaded


@pytest.fixture(scope="module", autouse=True)
def known_kinds(cluster: Cluster) -> None:
    """The definitions have to be there: without them the API server could not check anything."""
    known = cluster("get", "customresourcedefinitions", "--output=name")
    missing = [family for family in FAMILIES if family not in known]
    assert not missing, f"the cluster has no definitions of {', '.join(missing)}: install them"


@pytest.fixture(scope="module")
def taken() -> set[str]:
    """Objects that the API server has agreed to: most are the same in many combinations."""
    return set()


@pytest.mark.parametrize("example", BASES)
@pytest.mark.parametrize("mesh", MESHES)
def test_the_api_server_agrees_with_every_object(
    mesh: str, example: str, cluster: Cluster, chart: Chart, defaults: dict[str, Any], taken: set[str]
) -> None:
    fresh: dict[str, dict[str, Any]] = {}
    for combination in combinations(mesh):
        values = combination.over(base(example, defaults))
        for document in _objects(chart.render(values, name=RELEASE, namespace=NAMESPACE)):
            text = json.dumps(document, sort_keys=True)
            if text not in taken:
                fresh.setdefault(text, {"combination": combination.name, "object": document})

    refused = _refused(cluster, [each["object"] for each in fresh.values()])

    assert not refused, "\n".join(
        f"{example}, {each['combination']}: {each['object']['kind']} {each['object']['metadata']['name']}: {reason}"
        for each in fresh.values()
        if (reason := refused.get(_key(each["object"])))
    )
    taken |= fresh.keys()


def test_an_object_that_is_wrong_is_named(cluster: Cluster, chart: Chart, defaults: dict[str, Any]) -> None:
    (combination, *_) = [each for each in combinations("sidecar") if "HTTPRoute" in each.name]
    values = combination.over(base("external", defaults))
    for document in _objects(chart.render(values, name=RELEASE, namespace=NAMESPACE)):
        if document["kind"] in ("AuthorizationPolicy", "HTTPRoute", "Deployment"):
            document["spec"]["notThere"] = 1
            assert "notThere" in _refused(cluster, [document])[_key(document)]


def test_every_choice_is_in_the_matrix(chart: Chart, defaults: dict[str, Any]) -> None:
    """The combinations differ in the kinds that they make, so that none of the choices is lost on the way."""
    values = base("external", defaults)
    kinds = {
        combination.name: {each["kind"] for each in _objects(chart.render(combination.over(values)))}
        for mesh in MESHES
        for combination in combinations(mesh)
    }
    for name, made in kinds.items():
        assert ("PeerAuthentication" in made) == ("no mesh" not in name), name
        assert ("DestinationRule" in made) == ("no mesh" not in name and "without waypoint" not in name), name
        assert ("HTTPRoute" in made) == ("HTTPRoute" in name or "canary" in name), name
        assert ("Ingress" in made) == ("Ingress" in name), name
        assert ("ScaledObject" in made) == ("KEDA" in name), name
    assert len(kinds) == len(MESHES) * len(KEDA) * 4


def _objects(files: dict[str, str]) -> Iterator[dict[str, Any]]:
    for path, text in files.items():
        if not path.endswith("NOTES.txt"):
            yield from (document for document in yaml.safe_load_all(text) if document)


def _key(document: dict[str, Any]) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


def _refused(cluster: Cluster, documents: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """What the API server says of the objects that it would not take: kind and name → why."""
    found: dict[tuple[str, str], str] = {}
    if not documents or not _answered(cluster, documents):
        return found
    for document in documents:
        if reason := _answered(cluster, [document]):
            found[_key(document)] = reason
    assert found, "all together were refused, but none alone"
    return found


def _answered(cluster: Cluster, documents: list[dict[str, Any]]) -> str:
    """Create the objects without making them; what was said against them, or nothing."""
    given = "\n---\n".join(json.dumps(document) for document in documents)
    try:
        cluster(
            "create", f"--namespace={NAMESPACE}", "--dry-run=server", "--validate=strict", "--output=name",
            "--filename=-", stdin=given, timeout=300,
        )  # fmt: skip
    except CommandFailed as failed:
        return str(failed)
    return ""
