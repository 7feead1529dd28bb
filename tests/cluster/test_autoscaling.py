"""Load makes pods, and its end takes them away."""

from __future__ import annotations

from tests.cluster.conftest import ADMIN, MakeRelease
from tests.cluster.kube import eventually
from tests.cluster.release import Release, Traffic

# Under what one key may do in a second.
HEAVY = {"rate": 180, "work_seconds": 0, "model": "small", "email": ADMIN, "attempts": 3}
SCALED = {
    "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 2, "targetCPU": 60, "scaleDownSeconds": 15},
    "resources": {"requests": {"cpu": "50m"}},
}


def test_cpu_load_adds_a_pod_of_the_gateway_and_its_end_removes_it(make_release: MakeRelease) -> None:
    with make_release(components={"gateway": SCALED}) as release:
        release.install()
        eventually("the HPA knows the load", lambda: utilisation(release), lambda known: known is not None, 120)
        assert len(release.pods("gateway")) == 1
        with Traffic(release, "heavy", HEAVY) as traffic:
            eventually("a pod was added", lambda: ready(release), lambda count: count == 2, 180)
            summary = traffic.end()
        assert summary["failed"] == 0, summary
        eventually("the pod was removed", lambda: len(release.pods("gateway")), lambda count: count == 1, 240)


def utilisation(release: Release) -> int | None:
    """Percent of the gateway's CPU request that its autoscaler sees."""
    status = release.get("hpa", f"{release.name}-gateway").get("status", {})
    metrics = status.get("currentMetrics") or [{}]
    seen: int | None = metrics[0].get("resource", {}).get("current", {}).get("averageUtilization")
    return seen


def ready(release: Release) -> int:
    """The gateway's ready pods."""
    return int(release.get("deployment", f"{release.name}-gateway")["status"].get("readyReplicas", 0))
