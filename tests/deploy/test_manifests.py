"""What lies beside the chart in deploy/k8s agrees with the chart: names, hosts, Secrets, limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from assay_protos import topics

Object = dict[str, Any]
OF_KUBERNETES = ("v1", "networking.k8s.io/v1")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "deploy" / "k8s"


@pytest.fixture(scope="module")
def manifests(folder: Path) -> dict[tuple[str, str], Object]:
    """All objects, by kind and name."""
    paths = [folder / "namespace.yaml", *folder.glob("operators/*.yaml"), *folder.glob("argocd/*.yaml")]
    found = [document for path in sorted(paths) for document in yaml.safe_load_all(path.read_text()) if document]
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


@pytest.fixture(scope="module")
def values(chart: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((chart / "examples" / "operators.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def release(render: Any, values: dict[str, Any]) -> Any:
    return render(values)


@pytest.fixture(scope="module")
def secrets(folder: Path) -> dict[str, set[str]]:
    """The Secrets that make-secrets.sh makes, or asks for (those without known keys)."""
    script = (folder / "make-secrets.sh").read_text().replace("\\\n", " ")
    made = {
        name: set(re.findall(r'--from-literal="?([\w.-]+)=', arguments))
        for name, arguments in re.findall(r"make (assay-[\w-]+)(.*)", script)
    }
    asked = re.search(r"for name in ([\w -]+); do", script)
    assert asked
    return {name: set() for name in asked[1].split()} | made


def test_objects_of_kubernetes_agree_with_its_schemas(manifests: dict[tuple[str, str], Object]) -> None:
    checked = [each for each in manifests.values() if each["apiVersion"] in OF_KUBERNETES]

    assert len(checked) >= 2
    for each in checked:
        kubernetes_validate.validate(each, "1.34", strict=True)


def test_everything_lives_in_the_one_namespace(manifests: dict[tuple[str, str], Object]) -> None:
    """Secrets that operators make (certificates) can only be mounted where they are."""
    for (kind, name), each in manifests.items():
        if kind in ("Namespace", "AppProject", "Application"):
            continue
        assert each["metadata"]["namespace"] == "assay", (kind, name)
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "assay", (kind, name)


def test_the_namespace_enforces_the_restricted_standard(manifests: dict[tuple[str, str], Object]) -> None:
    labels = manifests["Namespace", "assay"]["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_chart_finds_postgres(manifests: dict[tuple[str, str], Object], values: dict[str, Any]) -> None:
    database = values["database"]
    (name,) = [name for kind, name in manifests if kind == "Cluster"]
    initdb = manifests["Cluster", name]["spec"]["bootstrap"]["initdb"]

    assert database["host"] == f"{name}-rw", "the Service of whichever instance writes"
    assert database["caSecret"] == f"{name}-ca", "the operator's own certificates"
    assert database["sslMode"] == "verify-full"
    assert (initdb["database"], initdb["owner"]) == ("assay", "assay_owner"), "the chart's defaults"
    assert not manifests["Cluster", name]["spec"].get("managed"), "it would take memberships away"


def test_postgres_has_room_for_every_pod(
    manifests: dict[tuple[str, str], Object], values: dict[str, Any], defaults: dict[str, Any], release: Any
) -> None:
    size = values["database"].get("poolSize", defaults["database"]["poolSize"])
    most = {
        **{name: each["spec"]["maxReplicas"] for name, each in release.of_kind("HorizontalPodAutoscaler").items()},
        **{name: each["spec"]["maxReplicaCount"] for name, each in release.of_kind("ScaledObject").items()},
    }
    wanted = sum(
        # While a release is rolled out there is one pod more of each.
        (most[name] + 1) * size
        for name, component in defaults["components"].items()
        if "database" in component["needs"]
    )
    cluster = next(each for (kind, _), each in manifests.items() if kind == "Cluster")

    assert wanted < int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])


def test_services_may_reach_postgres_and_kafka(
    manifests: dict[tuple[str, str], Object], values: dict[str, Any], release: Any
) -> None:
    policy = manifests["NetworkPolicy", "assay-postgres"]["spec"]
    peers = policy["ingress"][0]["from"]
    listener = manifests["Kafka", "assay-kafka"]["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"]
    for name, pod in release.pods.items():
        labels = pod["metadata"]["labels"].items()
        for allowed in (peers, listener):
            selectors = [each["podSelector"]["matchLabels"] for each in allowed if "podSelector" in each]
            assert any(selector.items() <= labels for selector in selectors), name
    assert policy["podSelector"]["matchLabels"] == values["networkPolicy"]["database"][0]["podSelector"]["matchLabels"]


def test_the_chart_finds_kafka(manifests: dict[tuple[str, str], Object], values: dict[str, Any]) -> None:
    kafka = values["kafka"]
    (name,) = [name for kind, name in manifests if kind == "Kafka"]
    (listener,) = manifests["Kafka", name]["spec"]["kafka"]["listeners"]

    assert kafka["bootstrapServers"] == f"{name}-kafka-bootstrap:{listener['port']}"
    assert kafka["caSecret"] == f"{name}-cluster-ca-cert"
    assert listener["tls"] is True
    assert kafka["securityProtocol"] == "SASL_SSL"
    assert listener["authentication"]["type"] == kafka.get("saslMechanism", "SCRAM-SHA-512").lower()
    for kind, each in manifests:
        if kind in ("KafkaNodePool", "KafkaUser"):
            assert manifests[kind, each]["metadata"]["labels"]["strimzi.io/cluster"] == name


def test_the_user_of_kafka_may_do_what_the_suite_does(
    manifests: dict[tuple[str, str], Object], values: dict[str, Any]
) -> None:
    user = manifests["KafkaUser", "assay"]["spec"]
    reference = user["authentication"]["password"]["valueFrom"]["secretKeyRef"]
    rights = {each["resource"]["type"]: each for each in user["authorization"]["acls"]}

    assert (reference["name"], reference["key"]) == (values["kafka"]["existingSecret"], "password")
    for each in rights.values():
        assert each["resource"]["name"] == values["kafka"]["namespace"]
        assert each["resource"]["patternType"] == "prefix"
    assert {"Create", "Alter", "AlterConfigs", "Read", "Write"} <= set(rights["topic"]["operations"])
    assert {"Describe", "Read"} <= set(rights["group"]["operations"])


def test_topics_have_one_truth(manifests: dict[tuple[str, str], Object]) -> None:
    assert not [name for kind, name in manifests if kind == "KafkaTopic"]
    kafka = manifests["Kafka", "assay-kafka"]["spec"]
    assert kafka["kafka"]["config"]["auto.create.topics.enable"] is False
    assert "topicOperator" not in kafka["entityOperator"]
    assert topics.ALL


def test_kafka_survives_the_loss_of_a_node(manifests: dict[tuple[str, str], Object]) -> None:
    config = manifests["Kafka", "assay-kafka"]["spec"]["kafka"]["config"]
    nodes = manifests["KafkaNodePool", "nodes"]["spec"]["replicas"]

    assert config["default.replication.factor"] == nodes == 3
    assert config["min.insync.replicas"] == 2


def test_every_secret_is_made_or_asked_for(
    manifests: dict[tuple[str, str], Object], secrets: dict[str, set[str]], release: Any
) -> None:
    by_operators = {"assay-postgres-ca", "assay-kafka-cluster-ca-cert"}
    for name, key in {*_of_manifests(manifests), *_of_pods(release)}:
        if name in by_operators:
            assert key in ("ca.crt", "")
            continue
        assert name in secrets, name
        assert not key or not secrets[name] or key in secrets[name], f"{name} has no {key}"


def test_passwords_agree_because_one_script_makes_them(folder: Path, secrets: dict[str, set[str]]) -> None:
    script = (folder / "make-secrets.sh").read_text()

    assert secrets["assay-postgres-owner"] == {"username", "password"}
    assert "for schema in auth prompt evaluation audit analytics; do" in script
    assert 'passwords+=(--from-literal="$schema=$password")' in script
    assert "CREATE ROLE assay_$schema LOGIN PASSWORD '$password';" in script


def test_argo_cd_delivers_servers_before_the_chart(
    manifests: dict[tuple[str, str], Object], root: Path, values: dict[str, Any]
) -> None:
    waves = {
        name: int(each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])
        for (kind, name), each in manifests.items()
        if kind in ("AppProject", "Application") and name != "assay-root"
    }
    assert waves["assay-servers"] < waves["assay"]
    project = manifests["AppProject", "assay"]["spec"]
    for name in ("assay-servers", "assay"):
        spec = manifests["Application", name]["spec"]
        assert (root / spec["source"]["path"]).is_dir()
        assert spec["source"]["repoURL"] in project["sourceRepos"]
        assert spec["destination"] in project["destinations"]
    helm = manifests["Application", "assay"]["spec"]["source"]["helm"]
    assert helm["releaseName"] == "assay"
    assert [(root / "deploy/helm/assay" / each).is_file() for each in helm["valueFiles"]] == [True]
    assert values["keys"]["existingSecret"], "nothing can be looked up there"
    assert manifests["Application", "assay-servers"]["spec"]["syncPolicy"]["automated"]["prune"] is False


def test_the_servers_come_in_an_order_that_works(manifests: dict[tuple[str, str], Object]) -> None:
    def wave(kind: str, name: str) -> int:
        annotations = manifests[kind, name]["metadata"].get("annotations", {})
        return int(annotations.get("argocd.argoproj.io/sync-wave", 0))

    assert wave("ObjectStore", "assay-postgres") < wave("Cluster", "assay-postgres")
    assert wave("Cluster", "assay-postgres") < wave("ScheduledBackup", "assay-postgres-daily")
    assert wave("Kafka", "assay-kafka") < wave("KafkaUser", "assay")


def test_kind_has_zones_and_the_port_of_the_gateway(folder: Path, minimal: Any) -> None:
    config = yaml.safe_load((folder / "kind-config.yaml").read_text())
    zones = [each["labels"]["topology.kubernetes.io/zone"] for each in config["nodes"] if each["role"] == "worker"]
    (mapping,) = config["nodes"][0]["extraPortMappings"]

    assert len(set(zones)) == 3
    port = mapping["containerPort"]
    rendering = minimal({"components": {"gateway": {"service": {"type": "NodePort", "nodePort": port}}}})
    (served,) = rendering.of_kind("Service")["gateway"]["spec"]["ports"]
    assert served["nodePort"] == port


def _of_manifests(manifests: dict[tuple[str, str], Object]) -> set[tuple[str, str]]:
    """Names and keys of Secrets that operators' resources refer to."""
    cluster = manifests["Cluster", "assay-postgres"]["spec"]["bootstrap"]["initdb"]
    store = manifests["ObjectStore", "assay-postgres"]["spec"]["configuration"]["s3Credentials"]
    user = manifests["KafkaUser", "assay"]["spec"]["authentication"]["password"]["valueFrom"]["secretKeyRef"]
    return {
        (cluster["secret"]["name"], "password"),
        *((each["name"], each["key"]) for each in cluster["postInitApplicationSQLRefs"]["secretRefs"]),
        *((each["name"], each["key"]) for each in store.values()),
        (user["name"], user["key"]),
    }


def _of_pods(release: Any) -> set[tuple[str, str]]:
    """Names and keys of Secrets that the release refers to and does not make itself."""
    made = {each["metadata"]["name"] for each in release.of_kind("Secret").values()}
    found = set()
    for pod in release.pods.values():
        for container in pod["spec"]["containers"]:
            for variable in container.get("env", []):
                if "secretKeyRef" in variable.get("valueFrom", {}):
                    reference = variable["valueFrom"]["secretKeyRef"]
                    found.add((reference["name"], "" if reference.get("optional") else reference["key"]))
            found |= {(each["secretRef"]["name"], "") for each in container.get("envFrom", []) if "secretRef" in each}
        found |= {
            (volume["secret"]["secretName"], "") for volume in pod["spec"].get("volumes", []) if "secret" in volume
        }
    for each in release.of_kind("TriggerAuthentication").values():
        found |= {(reference["name"], reference["key"]) for reference in each["spec"]["secretTargetRef"]}
    return {(name, key) for name, key in found if name not in made}
