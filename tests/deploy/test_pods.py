"""Every pod is restricted, is watched by probes, and may be stopped without losing work."""

from __future__ import annotations

from typing import Any

MARGIN_SECONDS = 5
"""What a process may take beyond its grace to close its resources (assay_common.lifecycle.EXIT_MARGIN)."""


def test_pods_keep_to_the_restricted_standard(rendering: Any) -> None:
    assert len(rendering.pods) > len(rendering.of_kind("Deployment"))
    for name, pod in rendering.pods.items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec), name
        allowed = {"emptyDir", "secret", "persistentVolumeClaim", "projected"}
        assert all(set(volume) - {"name"} <= allowed for volume in spec["volumes"]), name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_no_pod_has_a_token_of_the_cluster(rendering: Any) -> None:
    accounts = rendering.of_kind("ServiceAccount")
    for name, pod in rendering.pods.items():
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        account = accounts[pod["spec"]["serviceAccountName"].removeprefix("assay-")]
        assert account["automountServiceAccountToken"] is False, name


def test_services_of_the_namespace_do_not_leak_into_the_settings(rendering: Any) -> None:
    """A Service named assay-… would otherwise become variables that begin with ASSAY_."""
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in rendering.pods.values())


def test_every_container_writes_to_tmp_and_has_resources(rendering: Any) -> None:
    for name, pod in rendering.pods.items():
        (container,) = pod["spec"]["containers"]
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"], name
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
        assert "memory" in container["resources"]["limits"], name
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}, name


def test_every_component_is_probed_on_the_operators_port(rendering: Any) -> None:
    for name, deployment in rendering.of_kind("Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert _variables(container)["ASSAY_OPS__LISTEN"] == f"0.0.0.0:{ports['ops']}", name
        assert container["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "ops"}, name
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "ops"}, name
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "ops"}, name


def test_a_pod_may_finish_its_work_before_it_is_killed(rendering: Any) -> None:
    for name, deployment in rendering.of_kind("Deployment").items():
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        grace = int(_variables(container)["ASSAY_GRACE_SECONDS"])
        drain = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert spec["terminationGracePeriodSeconds"] > drain + grace + MARGIN_SECONDS, name
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, name


def test_pods_change_when_a_password_among_the_values_does(minimal: Any) -> None:
    before, after = minimal(), minimal({"database": {"passwords": {"prompt": "another"}}})

    assert before.pods["prompt"]["metadata"]["annotations"] != after.pods["prompt"]["metadata"]["annotations"]


def _variables(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}
