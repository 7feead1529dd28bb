"""Each image in a pod that may do nothing: who it runs as, what it holds, and whether its health command is right."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import yaml
from tests.cluster.kube import Cluster

ROOT = Path(__file__).parents[2]
ARTIFACTS = {
    artifact["image"]: artifact["docker"]["dockerfile"]
    for artifact in yaml.safe_load((ROOT / "skaffold.yaml").read_text())["build"]["artifacts"]
}
LOOK = """
import http.server, json, os, shutil, subprocess, sys, threading
from pathlib import Path

class Ops(http.server.BaseHTTPRequestHandler):
    status = 200
    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()
    def log_message(self, *_):
        pass

def healthy():
    return subprocess.run(json.loads(sys.argv[1]), capture_output=True).returncode == 0

health = [healthy()]
server = http.server.HTTPServer(("127.0.0.1", 9090), Ops)
threading.Thread(target=server.serve_forever, daemon=True).start()
for Ops.status in (200, 503):
    health.append(healthy())
try:
    Path("/app/written").touch()
    writable = True
except OSError:
    writable = False
print(json.dumps({
    "user": os.getuid(),
    "bytes": sum(path.lstat().st_size for path in Path("/app").rglob("*")),
    "builders": [tool for tool in ("pip", "uv", "gcc", "strip") if shutil.which(tool)],
    "writable": writable,
    "health": health,
}))
"""


@pytest.fixture(scope="module")
def limits() -> Any:
    spec = importlib.util.spec_from_file_location("image_size", ROOT / "deploy" / "image_size.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """With Pod Security `restricted` enforced."""
    with cluster.namespace(f"assay-test-{token_hex(3)}", ROOT / "deploy" / "k8s" / "namespace.yaml") as name:
        yield name


@pytest.mark.parametrize("image", ARTIFACTS)
def test_an_image_keeps_its_promises(
    image: str, cluster: Cluster, namespace: str, image_tags: tuple[str, str], limits: Any
) -> None:
    seen = _look_inside(cluster, namespace, image, image_tags[0])

    assert seen["user"] == 10001
    assert seen["health"] == [False, True, False], "nothing answers, all is well, something is wrong"
    assert seen["builders"] == []
    assert not seen["writable"]
    limit = limits.LIMITS.get(image, limits.LIMIT)
    assert limit is None or seen["bytes"] < limit * 10**6


def _look_inside(cluster: Cluster, namespace: str, image: str, tag: str) -> dict[str, Any]:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": image, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "look",
                    "image": f"{image}:{tag}",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", LOOK, _health_command(ARTIFACTS[image])],
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
    cluster.apply(pod)
    cluster(
        f"--namespace={namespace}", "wait", f"pod/{image}", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=120s", timeout=130,
    )  # fmt: skip
    seen: dict[str, Any] = json.loads(cluster(f"--namespace={namespace}", "logs", image))
    return seen


def _health_command(dockerfile: str) -> str:
    """The command of HEALTHCHECK, as JSON."""
    (command,) = re.findall(r"^HEALTHCHECK [^\[]*CMD (\[.*\])$", (ROOT / dockerfile).read_text(), re.MULTILINE)
    assert all(isinstance(word, str) for word in json.loads(command))
    return str(command)
