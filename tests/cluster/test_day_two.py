"""What operators do to an installation, by the commands of docs/operations."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import codes
from tests.cluster.conftest import ADMIN, MakeRelease
from tests.cluster.images import ROOT
from tests.cluster.kube import Cluster, eventually
from tests.cluster.release import Release

from assay_testing.api import Api

OPERATION = ROOT / "deploy" / "k8s" / "operation.py"
OPERATION_SECONDS = 120


@pytest.fixture(scope="module")
def installation(make_release: MakeRelease) -> Iterator[Release]:
    """One of its own, for its pods come and go."""
    with make_release() as release:
        release.install()
        yield release


def test_a_signing_key_is_published_before_it_signs(installation: Release, api: Api) -> None:
    before = published_keys(api)
    installation.kubectl("exec", "deployment/assay-auth", "--", "python", "-m", "assay_auth", "rotate-signing-key")
    after = eventually("the new key is published", lambda: published_keys(api), lambda keys: keys > before, 120)
    assert len(after) == len(before) + 1
    assert api.get("/v1/me"), "tokens of the key before go on"


def test_the_key_encryption_key_is_changed_step_by_step(installation: Release) -> None:
    """The four steps of docs/operations/keys.md; what the old key sealed opens at the end with the new one alone."""
    old, new = key_encryption_key(installation), base64.b64encode(os.urandom(32)).decode()
    keys_before = keys_of(installation)

    set_key_encryption_keys(installation, old, previous=new)
    set_key_encryption_keys(installation, new, previous=old)
    told = installation.kubectl("exec", "deployment/assay-auth", "--", "python", "-m", "assay_auth", "reseal")
    assert "sealed anew: the previous keys may go" in told
    set_key_encryption_keys(installation, new, previous=None)

    assert keys_of(installation) == keys_before, "the signing keys are those of before"
    assert key_encryption_key(installation) == new


def test_usage_is_counted_anew_from_kafka(installation: Release, cluster: Cluster, api: Api) -> None:
    """The replay of docs/operations/kafka.md, as a Job made of the Deployment by deploy/k8s/operation.py."""
    api.prompt("counted", "one", "two")
    counted = eventually("the events are counted", lambda: counters(api), lambda sums: any(sums.values()), 60)

    installation.kubectl("scale", "deployment/assay-analytics", "--replicas=0")
    installation.kubectl(
        "wait", "--for=delete", "pod", "--selector=app.kubernetes.io/component=analytics", "--timeout=100s"
    )
    run_operation(installation, cluster, "analytics", "assay_analytics", "replay", "beginning")
    installation.kubectl("scale", "deployment/assay-analytics", "--replicas=1")
    installation.kubectl("rollout", "status", "deployment/assay-analytics", "--timeout=100s")

    eventually("all is counted again, each once", lambda: counters(api), lambda sums: sums == counted, 90)


def published_keys(api: Api) -> set[str]:
    return {key["kid"] for key in api.get("/.well-known/jwks.json")["keys"]}


def keys_of(release: Release) -> set[str]:
    """The published keys, asked by somebody who signs in anew."""
    with release.reachable() as url:
        return published_keys(Api(url, ADMIN, release.admin_password()))


def key_encryption_key(release: Release) -> str:
    return base64.b64decode(release.get("secret", "assay-keys")["data"]["key-encryption-key"]).decode()


def set_key_encryption_keys(release: Release, key: str, *, previous: str | None) -> None:
    """Change the Secret, restart auth and wait for it."""
    encoded = None if previous is None else base64.b64encode(previous.encode()).decode()
    data = {
        "key-encryption-key": base64.b64encode(key.encode()).decode(),
        "previous-key-encryption-keys": encoded,
    }
    release.kubectl("patch", "secret", "assay-keys", "--type=merge", f"--patch={json.dumps({'data': data})}")
    release.kubectl("rollout", "restart", "deployment/assay-auth")
    release.kubectl("rollout", "status", "deployment/assay-auth", "--timeout=100s")


def counters(api: Api) -> dict[str, Any]:
    """What was counted; nothing as long as the gateway has not found the pods that came back."""
    answer = api.http.get("/v1/analytics/summary")
    if answer.status_code == codes.SERVICE_UNAVAILABLE:
        return {}
    return answer.raise_for_status().json()["counters"] or {}


def run_operation(release: Release, cluster: Cluster, component: str, *arguments: str) -> None:
    """Make a Job of the component's Deployment, as the docs say, and wait until it has ended well."""
    deployment = release.kubectl("get", "deployment", f"assay-{component}", "--output=json")
    made = subprocess.run(
        [sys.executable, str(OPERATION), *arguments], input=deployment, capture_output=True, text=True, check=True
    )
    created = json.loads(cluster("create", "--filename=-", "--output=json", stdin=made.stdout))
    name = created["metadata"]["name"]
    ended = eventually(
        "the operation has ended",
        lambda: release.get("job", name),
        lambda job: bool(job["status"].get("succeeded") or job["status"].get("failed")),
        OPERATION_SECONDS,
    )
    assert ended["status"].get("succeeded"), release.kubectl("logs", f"job/{name}")
