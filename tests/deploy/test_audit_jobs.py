"""An audit's engines run in a Job with nothing; its coordinator, and nobody else, has a token, good for Jobs only."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate
import pytest
from helm_python import HelmError

from assay_audit.adapters.jobs.manifest import Owner, filled
from assay_audit.settings import JobsSettings
from assay_common.ids import new_id

COORDINATOR = "audit-worker"
EXCHANGE = 8443


def test_one_pod_has_a_token_and_its_role_covers_jobs_of_its_namespace_only(rendering: Any) -> None:
    holders = {name for name, pod in rendering.pods.items() if _tokens(pod)}

    assert holders == {COORDINATOR}
    assert [rule for role in rendering.of_kind("Role").values() for rule in role["rules"]] == [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "list", "delete"]}
    ]
    (binding,) = rendering.of_kind("RoleBinding").values()
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": f"assay-{COORDINATOR}", "namespace": "assay"}]
    assert not rendering.of_kind("ClusterRole")
    assert not rendering.of_kind("ClusterRoleBinding")


def test_the_token_is_where_the_client_looks_and_is_good_for_an_hour(rendering: Any) -> None:
    (container,) = rendering.pods[COORDINATOR]["spec"]["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}

    assert mounts["kubernetes"]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert mounts["kubernetes"]["readOnly"] is True
    assert _tokens(rendering.pods[COORDINATOR]) == [{"path": "token", "expirationSeconds": 3600}]


def test_the_job_is_a_valid_object_that_keeps_to_the_restricted_standard(rendering: Any) -> None:
    job = _job(rendering)
    for version in ("1.30", "1.34"):
        kubernetes_validate.validate(job, version, strict=True)

    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] == 3600
    assert job["spec"]["ttlSecondsAfterFinished"] == 300
    assert spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]


def test_the_job_has_no_token_no_secret_no_name_server_and_no_service(rendering: Any) -> None:
    spec = _job(rendering)["spec"]["template"]["spec"]

    assert spec["automountServiceAccountToken"] is False
    account = rendering.of_kind("ServiceAccount")[spec["serviceAccountName"].removeprefix("assay-")]
    assert account["automountServiceAccountToken"] is False
    assert all(
        subject["name"] != spec["serviceAccountName"]
        for binding in rendering.of_kind("RoleBinding").values()
        for subject in binding["subjects"]
    )
    assert {key for volume in spec["volumes"] for key in volume} == {"name", "emptyDir"}
    assert {variable["name"] for variable in spec["containers"][0]["env"]} == {
        "ASSAY_LOG__LEVEL",
        "ASSAY_EXCHANGE__URL",
        "ASSAY_EXCHANGE__TOKEN",
        "ASSAY_EXCHANGE__CERTIFICATE",
    }
    assert "envFrom" not in spec["containers"][0]
    assert spec["dnsPolicy"] == "None"
    assert spec["enableServiceLinks"] is False


def test_the_job_reaches_its_coordinator_alone_and_nobody_reaches_it(rendering: Any) -> None:
    labels = _job(rendering)["spec"]["template"]["metadata"]["labels"]
    policies = [
        policy["spec"]
        for policy in rendering.of_kind("NetworkPolicy").values()
        if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ]

    (policy,) = policies
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    (rule,) = policy["egress"]
    assert [port["port"] for port in rule["ports"]] == [EXCHANGE]
    (peer,) = rule["to"]
    coordinator = rendering.pods[COORDINATOR]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= coordinator.items()
    exchange = rendering.of_kind("NetworkPolicy")[f"{COORDINATOR}-exchange"]["spec"]
    assert exchange["podSelector"]["matchLabels"].items() <= coordinator.items()
    (into,) = exchange["ingress"]
    assert [port["port"] for port in into["ports"]] == [EXCHANGE]
    assert into["from"][0]["podSelector"]["matchLabels"].items() <= labels.items()


def test_no_workload_of_the_release_takes_jobs_for_its_pods(rendering: Any) -> None:
    labels = _job(rendering)["spec"]["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        for name, each in rendering.of_kind(kind).items():
            assert not each["spec"]["selector"]["matchLabels"].items() <= labels.items(), (kind, name)
    for name, service in rendering.of_kind("Service").items():
        assert not service["spec"]["selector"].items() <= labels.items(), name


def test_the_job_runs_the_coordinators_image_with_what_the_installation_wishes(minimal: Any) -> None:
    wishes = {
        "runtimeClassName": "gvisor",
        "priorityClassName": "low",
        "nodeSelector": {"pool": "audits"},
        "tolerations": [{"key": "audits", "operator": "Exists"}],
        "scratch": "9Gi",
        "ttlSeconds": 60,
        "processes": 4,
    }
    rendering = minimal({"auditJobs": wishes, "image": {"pullSecrets": ["registry"]}})
    job = _job(rendering)
    spec = job["spec"]["template"]["spec"]

    assert spec["containers"][0]["image"] == rendering.pods[COORDINATOR]["spec"]["containers"][0]["image"]
    assert spec["containers"][0]["args"] == ["assay_audit.job"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    for field in ("runtimeClassName", "priorityClassName", "nodeSelector", "tolerations"):
        assert spec[field] == wishes[field]
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "9Gi"}}]
    assert job["spec"]["ttlSecondsAfterFinished"] == 60
    assert _variables(rendering)["ASSAY_JOBS__PROCESSES"] == "4"


def test_names_of_pods_fit_whatever_the_release_is_called(minimal: Any) -> None:
    job = _job(minimal({"fullnameOverride": "a" * 40}), "a" * 40 + f"-{COORDINATOR}")

    assert len(f"{job['metadata']['name']}-xxxxx") <= 63


def test_without_jobs_there_is_nothing_of_them(minimal: Any) -> None:
    rendering = minimal({"auditJobs": {"enabled": False}})

    assert not rendering.of_kind("Role")
    assert not rendering.of_kind("RoleBinding")
    assert not any(_tokens(pod) for pod in rendering.pods.values())
    assert not {name for name in rendering.of_kind("NetworkPolicy") if name.endswith(("-job", "-exchange"))}
    assert not {name for name in _variables(rendering) if name.startswith("ASSAY_JOBS")}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"auditJobs": {"startSeconds": 600, "deadlineSeconds": 600}},
            "auditJobs.startSeconds 600 is not less than deadlineSeconds 600",
        ),
        (
            {"components": {"audit": {"coordinates": "jobs"}}},
            "components.audit.coordinates is set but its role is serve",
        ),
        ({"auditJobs": {"image": "x"}}, "additional properties 'image' not allowed"),
        ({"components": {"audit-worker": {"coordinates": "pods"}}}, "coordinates"),
        ({"components": {COORDINATOR: {"env": {"ASSAY_JOBS__LISTEN": "x:1"}}}}, "env sets ASSAY_JOBS__LISTEN"),
    ],
)
def test_what_cannot_work_is_refused(minimal: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmError) as refused:
        minimal(changes)
    assert message in str(refused.value)


def _job(rendering: Any, coordinator: str = COORDINATOR) -> dict[str, Any]:
    """The Job as the coordinator would make it of what it is told."""
    settings = JobsSettings.model_validate(
        {
            "template": json.loads(_variables(rendering, coordinator)["ASSAY_JOBS__TEMPLATE"]),
            "address": "10.0.0.7",
            "pod_name": "it",
        }
    )
    assert settings.template
    told = {f"ASSAY_EXCHANGE__{name}": "x" for name in ("URL", "TOKEN", "CERTIFICATE")}
    name = f"{settings.template['metadata']['name']}-0123456789"
    return filled(settings.template, name=name, audit_id=new_id(), owner=Owner("it", "uid"), variables=told)


def _variables(rendering: Any, coordinator: str = COORDINATOR) -> dict[str, str]:
    (container,) = rendering.pods[coordinator]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


def _tokens(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        source["serviceAccountToken"]
        for volume in pod["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source
    ]
