"""What the prometheus-operator gets from an installation: its kinds where the cluster has them, and pods to scrape."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from tests.cluster.kube import Cluster
from tests.cluster.release import Release

METRICS = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9090/metrics').read().decode())"


def test_monitoring_follows_the_kinds_of_the_cluster(installation: Release, cluster: Cluster) -> None:
    """The values say nothing, which means auto."""
    assert "monitoring" not in installation.values
    kinds = cluster("api-resources", "--api-group=monitoring.coreos.com", "--output=name")
    dashboards = installation.get("configmaps", "--selector=grafana_dashboard=1")["items"]

    if "podmonitors" not in kinds:
        assert not dashboards
        return
    (monitor,) = installation.get("podmonitors.monitoring.coreos.com")["items"]
    assert monitor["metadata"]["name"] == installation.name
    rules = installation.get("prometheusrules.monitoring.coreos.com")["items"]
    assert {rule["metadata"]["name"] for rule in rules} == {"assay-causes", "assay-objectives"}
    assert len(dashboards) == 5


def test_every_pod_that_is_to_be_scraped_has_metrics(installation: Release) -> None:
    components = set()
    for pod in installation.pods():
        (container, *_) = pod["spec"]["containers"]
        assert {"name": "ops", "containerPort": 9090, "protocol": "TCP"} in container["ports"]
        name = pod["metadata"]["name"]
        text = installation.kubectl("exec", name, f"--container={container['name']}", "--", "python", "-c", METRICS)
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert families["service_ready"].samples[0].value == 1, name
        assert "service_info" in families, name
        components.add(pod["metadata"]["labels"]["app.kubernetes.io/component"])
    assert components == {
        "gateway",
        "auth",
        "prompt",
        "evaluation",
        "evaluation-worker",
        "audit",
        "audit-worker",
        "analytics",
    }
