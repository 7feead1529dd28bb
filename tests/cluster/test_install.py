"""`helm install --wait`, and what can be done with the installation then."""

from __future__ import annotations

from tests.cluster.kube import Cluster
from tests.cluster.release import INSTALL_SECONDS, Release

from assay_testing.api import Api

RESTRICTED = "pod-security.kubernetes.io/enforce"


def test_everything_is_ready_soon_in_a_restricted_namespace(installation: Release, cluster: Cluster) -> None:
    assert installation.installed_in < INSTALL_SECONDS
    labels = cluster.get("namespace", installation.namespace)["metadata"]["labels"]
    assert labels[RESTRICTED] == "restricted"
    pods = installation.pods()
    assert {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods} == {
        "gateway", "auth", "prompt", "evaluation", "evaluation-worker", "audit", "audit-worker", "analytics"
    }  # fmt: skip
    for pod in pods:
        (status,) = pod["status"]["containerStatuses"]
        assert status["ready"], pod["metadata"]["name"]
        assert status["restartCount"] == 0, installation.kubectl("logs", pod["metadata"]["name"], "--previous")


def test_the_notes_lead_to_the_api(api: Api) -> None:
    assert api.get("/v1/me")["organisation"]["id"] == api.organisation["id"]


def test_helm_test_does_the_main_job(installation: Release) -> None:
    said = installation.test()
    for part in ("prompts", "evaluation", "audit", "analytics"):
        assert f"passed   {part}" in said, said


def test_a_secret_made_once_is_kept_over_an_upgrade(installation: Release) -> None:
    before = installation.get("secret", "assay-keys")["data"]
    installation.upgrade()
    assert installation.get("secret", "assay-keys")["data"] == before
