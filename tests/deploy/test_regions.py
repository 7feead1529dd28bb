"""The values of two regions, and the Job that is made out of a Deployment."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import kubernetes_validate
import pytest
import yaml


@pytest.fixture(scope="module")
def regions(root: Path) -> Path:
    return root / "deploy/k8s/regions"


@pytest.fixture(scope="module")
def operation(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("operation", root / "deploy/k8s/operation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_regions_differ_in_what_lies_in_them_only(render: Any, chart: Path, regions: Path) -> None:
    shared = yaml.safe_load((chart / "examples/operators.yaml").read_text())
    a, b = (yaml.safe_load((regions / f"region-{name}.yaml").read_text()) for name in "ab")
    assert set(a) == set(b) == {"objectStore"}
    for overlay in (a, b):
        merged = {**shared, **{key: {**shared.get(key, {}), **value} for key, value in overlay.items()}}
        assert render(merged).of_kind("Deployment")


def test_the_mirror_keeps_names_and_offsets(chart: Path, regions: Path) -> None:
    shared = yaml.safe_load((chart / "examples/operators.yaml").read_text())
    spec = yaml.safe_load((regions / "mirror-maker.yaml").read_text())["spec"]
    assert spec["target"]["bootstrapServers"] == shared["kafka"]["bootstrapServers"]
    (mirror,) = spec["mirrors"]
    for pattern in ("topicsPattern", "groupsPattern"):
        assert mirror[pattern].replace("\\", "").startswith(shared["kafka"]["namespace"])
    policy = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"
    for connector in ("sourceConnector", "checkpointConnector"):
        assert mirror[connector]["config"]["replication.policy.class"] == policy
    assert mirror["checkpointConnector"]["config"]["sync.group.offsets.enabled"] is True


def test_a_job_is_made_out_of_a_deployment(rendering: Any, operation: ModuleType) -> None:
    for name, deployment in rendering.of_kind("Deployment").items():
        job = operation.job_from(deployment, ["assay_common.recovery", "rewind", "2026-01-01T00:00:00Z"])
        kubernetes_validate.validate({**job, "metadata": {**job["metadata"], "name": name}}, "1.34", strict=True)
        pod, before = job["spec"]["template"], deployment["spec"]["template"]
        container, served = pod["spec"]["containers"][0], before["spec"]["containers"][0]
        assert container["args"][0] == "assay_common.recovery"
        assert (container["image"], container["env"]) == (served["image"], served["env"])
        assert container["securityContext"] == served["securityContext"]
        assert pod["metadata"]["labels"] == before["metadata"]["labels"]
        assert "livenessProbe" not in container, "it serves nothing, so it would be killed"
        assert container["readinessProbe"], "without it the Service would send it requests"


def test_the_command_reads_and_writes_json(rendering: Any, root: Path) -> None:
    deployment = rendering.of_kind("Deployment")["analytics"]
    done = subprocess.run(
        [sys.executable, root / "deploy/k8s/operation.py", "assay_analytics", "replay", "beginning"],
        input=json.dumps(deployment),
        capture_output=True,
        text=True,
        check=True,
    )
    job = json.loads(done.stdout)
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["assay_analytics", "replay", "beginning"]
    assert job["metadata"]["generateName"].endswith("analytics-operation-")
