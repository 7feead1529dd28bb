"""What lies in deploy/k8s, shown to the API server of a cluster, and the script that makes the Secrets."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import yaml
from tests.cluster.kube import Cluster

FOLDER = Path(__file__).parents[2] / "deploy" / "k8s"
PATHS = sorted([FOLDER / "namespace.yaml", *FOLDER.glob("operators/*.yaml"), *FOLDER.glob("argocd/*.yaml")])
DOCUMENTS = {
    f"{each['kind']} {each['metadata']['name']}": each
    for path in PATHS
    for each in yaml.safe_load_all(path.read_text())
    if each
}


@pytest.fixture(scope="module")
def known(cluster: Cluster) -> set[str]:
    """The kinds that the cluster knows, with their group and version."""
    resources = cluster("api-resources", "--no-headers").splitlines()
    return {f"{version} {kind}" for *_, version, _namespaced, kind in (line.split() for line in resources)}


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace(f"assay-test-{token_hex(3)}", FOLDER / "namespace.yaml") as name:
        yield name


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_api_server_agrees(name: str, cluster: Cluster, known: set[str]) -> None:
    document = DOCUMENTS[name]
    if f"{document['apiVersion']} {document['kind']}" not in known:
        pytest.skip(f"the cluster knows no {document['kind']} of {document['apiVersion']}")
    here: dict[str, Any] = {**document, "metadata": {**document["metadata"]}}
    if "namespace" in here["metadata"]:
        here["metadata"]["namespace"] = "default"  # nothing is made, so any namespace does that is there
    cluster("apply", "--dry-run=server", "--validate=strict", "--filename=-", stdin=yaml.safe_dump(here))


def test_secrets_are_made_once_and_agree(cluster: Cluster, namespace: str) -> None:
    first, second = (_make_secrets(cluster, namespace) for _ in range(2))

    assert first == second, "what is there is left as it is"
    passwords = first["assay-database"]
    assert first["assay-postgres-owner"] == {"username": "assay_owner", "password": passwords["owner"]}
    logins = first["assay-postgres-logins"]["logins.sql"]
    for schema, password in passwords.items():
        if schema != "owner":
            assert f"CREATE ROLE assay_{schema} LOGIN PASSWORD '{password}';" in logins
    assert len(set(passwords.values())) == len(passwords) == 6
    assert first["assay-kafka-login"]["username"] == "assay"
    assert len(base64.b64decode(first["assay-keys"]["key-encryption-key"], validate=True)) == 32
    assert 12 <= len(first["assay-keys"]["bootstrap-admin-password"]) <= 128


def _make_secrets(cluster: Cluster, namespace: str) -> dict[str, dict[str, str]]:
    subprocess.run([FOLDER / "make-secrets.sh", namespace], check=True, capture_output=True)
    return {
        each["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in each["data"].items()}
        for each in cluster.get("secrets", "--namespace", namespace)["items"]
    }
