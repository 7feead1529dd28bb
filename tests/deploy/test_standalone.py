"""The standalone profile: servers of the release's own, reached by those that need them, refused beside others."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from helm_python import HelmError

SERVERS = {"postgres": 5432, "kafka": 9092, "valkey": 6379, "objects": 9000}
NEEDS = {"postgres": "database", "kafka": "kafka", "valkey": "valkey", "objects": "objectStore"}


@pytest.fixture(scope="module")
def standalone(render: Any) -> Any:
    return render({"standalone": {"enabled": True}})


def test_one_value_is_enough(standalone: Any) -> None:
    assert set(standalone.of_kind("StatefulSet")) == set(SERVERS)
    for name, port in SERVERS.items():
        (served,) = standalone.of_kind("Service")[name]["spec"]["ports"]
        assert served["port"] == port
    variables = _variables(standalone, "auth")
    assert variables["ASSAY_DATABASE__URL"] == "postgresql://assay_auth@assay-postgres:5432/assay"
    assert variables["ASSAY_KAFKA__BOOTSTRAP_SERVERS"] == "assay-kafka:9092"
    assert _variables(standalone, "audit")["ASSAY_OBJECT_STORE__URL"] == "s3://assay"
    assert _variables(standalone, "audit")["AWS_ENDPOINT"] == "http://assay-objects:9000"


def test_nothing_of_it_is_there_unless_asked_for(minimal: Any) -> None:
    rendering = minimal()
    assert not rendering.of_kind("StatefulSet")
    assert "trial" not in str(rendering.objects)
    assert "FOR TRYING OUT" not in rendering.notes


def test_it_is_marked_as_for_trying_out(standalone: Any) -> None:
    assert "FOR TRYING OUT, NOT FOR PRODUCTION" in standalone.notes
    for server in standalone.of_kind("StatefulSet").values():
        assert server["metadata"]["labels"]["assay/purpose"] == "trial"
        assert server["spec"]["template"]["metadata"]["labels"]["assay/purpose"] == "trial"


def test_its_pods_are_restricted(standalone: Any) -> None:
    for name, server in standalone.of_kind("StatefulSet").items():
        spec = server["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), name
        assert "memory" in container["resources"]["limits"], name


def test_each_server_lets_in_those_that_need_it(standalone: Any, defaults: dict[str, Any]) -> None:
    policies = standalone.of_kind("NetworkPolicy")
    for name, port in SERVERS.items():
        (rule,) = policies[name]["spec"]["ingress"]
        let_in = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in rule["from"]}
        needing = {each for each, component in defaults["components"].items() if NEEDS[name] in component["needs"]}
        assert let_in == needing | ({"hooks"} if name in ("postgres", "kafka") else set())
        assert [each["port"] for each in rule["ports"]] == [port]
        for component in needing:
            assert any(
                {"protocol": "TCP", "port": port} in rule["ports"]
                and [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in rule["to"]] == [name]
                for rule in policies[component]["spec"]["egress"]
            ), f"{component} → {name}"


def test_passwords_are_made_by_key_and_shown_to_who_needs_them(standalone: Any, defaults: dict[str, Any]) -> None:
    secrets = standalone.of_kind("Secret")
    schemas = {each["schema"] for each in defaults["components"].values() if "schema" in each}
    database = secrets["standalone-postgres"]["data"]
    assert set(database) == {"owner", *schemas}
    assert len(set(database.values())) == len(database)
    valkey = {key: base64.b64decode(value).decode() for key, value in secrets["standalone-valkey"]["data"].items()}
    assert valkey["url"] == f"redis://:{valkey['valkey']}@assay-valkey:6379/0"
    assert set(secrets["standalone-objects"]["data"]) == {"objects", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    for name, server in standalone.of_kind("StatefulSet").items():
        volumes = server["spec"]["template"]["spec"]["volumes"]
        shown = [each["secret"]["secretName"] for each in volumes if "secret" in each]
        assert shown == ([f"assay-standalone-{name}"] if name != "kafka" else [])


def test_jobs_run_beside_the_servers_and_anew_with_each_revision(standalone: Any) -> None:
    """As hooks before the release they would wait for its servers; as hooks after it, `--wait` would wait for them."""
    jobs = standalone.of_kind("Job")
    assert {"migrate-auth-r1", "topics-r1"} <= set(jobs)
    for kind, name in (("ServiceAccount", "hooks"), ("NetworkPolicy", "hooks"), *(("Job", name) for name in jobs)):
        annotations = standalone.of_kind(kind)[name]["metadata"].get("annotations") or {}
        assert "helm.sh/hook" not in annotations or annotations["helm.sh/hook"] == "test", name


@pytest.mark.parametrize(
    ("storage", "claims"), [({"size": "3Gi", "className": "fast"}, True), ({"enabled": False, "size": "1Gi"}, False)]
)
def test_data_lies_on_volumes_or_goes_with_the_pod(render: Any, storage: dict[str, Any], claims: bool) -> None:
    rendering = render({"standalone": {"enabled": True, "storage": storage}})
    for server in rendering.of_kind("StatefulSet").values():
        volumes = {each["name"]: each for each in server["spec"]["template"]["spec"]["volumes"]}
        if claims:
            (claim,) = server["spec"]["volumeClaimTemplates"]
            assert claim["spec"]["resources"]["requests"]["storage"] == "3Gi"
            assert claim["spec"]["storageClassName"] == "fast"
            assert "data" not in volumes
        else:
            assert "volumeClaimTemplates" not in server["spec"]
            assert volumes["data"]["emptyDir"] == {"sizeLimit": "1Gi"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"database": {"host": "db"}}, "database.host names another: remove it, or set standalone.enabled to false"),
        ({"database": {"existingSecret": "x"}}, "database.existingSecret names another"),
        ({"database": {"passwords": {"owner": "x"}}}, "database.passwords names another"),
        ({"kafka": {"bootstrapServers": "k:9092"}}, "kafka.bootstrapServers names another"),
        ({"kafka": {"securityProtocol": "SSL"}}, "remove kafka.securityProtocol"),
        ({"valkey": {"host": "v"}}, "valkey.host names another"),
        ({"valkey": {"tls": True}}, "remove valkey.tls"),
        ({"objectStore": {"url": "s3://x"}}, "objectStore.url names another"),
        ({"objectStore": {"existingClaim": "x"}}, "objectStore.existingClaim names another"),
        ({"standalone": {"storage": {"kind": "x"}}}, "/standalone/storage"),
    ],
)
def test_other_servers_beside_it_are_refused(render: Any, changes: dict[str, Any], message: str) -> None:
    values = {**changes, "standalone": {"enabled": True, **changes.get("standalone", {})}}
    with pytest.raises(HelmError) as refused:
        render(values)
    assert message in str(refused.value)


def test_a_component_may_not_be_named_as_a_server(render: Any, defaults: dict[str, Any]) -> None:
    another = {**defaults["components"]["prompt"], "schema": "other", "module": "assay_other"}
    with pytest.raises(HelmError, match=r"rename components\.kafka"):
        render({"standalone": {"enabled": True}, "components": {"kafka": another}})


def test_one_rendering_leaves_nothing_in_the_next(render: Any, minimal: Any) -> None:
    before = minimal().files
    render({"standalone": {"enabled": True}})
    after = minimal().files
    assert {path for path in before if before[path] != after[path]} <= {"assay/templates/secrets.yaml"}


def _variables(rendering: Any, name: str) -> dict[str, str]:
    (container,) = rendering.pods[name]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}
