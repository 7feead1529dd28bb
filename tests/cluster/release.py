"""One installation of the chart, with servers of its own outside the cluster."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from tests.cluster.kube import Cluster, CommandFailed, Object, eventually, run

CHART: Final = Path(__file__).parents[2] / "deploy" / "helm" / "assay"
INSTALL_SECONDS: Final = 180
"""The goal: `helm install --wait` is done in less, once the images are there."""
Values = dict[str, Any]


@dataclass
class Release:
    """A release in a namespace of its own."""

    cluster: Cluster
    namespace: str
    values: Values
    folder: Path
    name: str = "assay"
    revisions: int = field(default=0, init=False)
    installed_in: float = field(default=0.0, init=False)
    """Seconds that `helm install --wait` took."""

    def install(self) -> None:
        """`helm install --wait`. Raises CommandFailed with what the pods say."""
        self.installed_in = self._helm("install", str(CHART))

    def upgrade(self, **values: Any) -> float:
        """`helm upgrade --wait` with changed values; the seconds that it took."""
        self.values = {**self.values, **values}
        return self._helm("upgrade", str(CHART))

    def roll_back(self) -> float:
        """`helm rollback --wait` to the revision before; the seconds that it took."""
        started = time.monotonic()
        run(
            [self.cluster.helm, "rollback", self.name, f"--namespace={self.namespace}", "--wait", "--timeout=300s"],
            timeout=320,
        )
        return time.monotonic() - started

    def test(self) -> str:
        """`helm test`; what its Job said."""
        command = [self.cluster.helm, "test", self.name, f"--namespace={self.namespace}", "--timeout=500s"]
        try:
            run(command, timeout=520)
        except CommandFailed as failed:
            raise CommandFailed(f"{failed}\n{self.kubectl('logs', f'job/{self.name}-test')}") from failed
        return self.kubectl("logs", f"job/{self.name}-test")

    def uninstall(self) -> None:
        """`helm uninstall --wait`."""
        run(
            [self.cluster.helm, "uninstall", self.name, f"--namespace={self.namespace}", "--wait", "--timeout=180s"],
            timeout=200,
        )

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """kubectl in the release's namespace."""
        return self.cluster(f"--namespace={self.namespace}", *arguments, **options)

    def get(self, *arguments: str) -> Object:
        """What `kubectl get` answers in the release's namespace, read."""
        return self.cluster.get(f"--namespace={self.namespace}", *arguments)

    def pods(self, component: str | None = None) -> list[Object]:
        """The running pods of a component, or of all."""
        selector = f"app.kubernetes.io/instance={self.name},pod-template-hash"
        if component is not None:
            selector += f",app.kubernetes.io/component={component}"
        items: list[Object] = self.get("pods", f"--selector={selector}")["items"]
        return [each for each in items if "deletionTimestamp" not in each["metadata"]]

    def admin_password(self) -> str:
        """The first administrator's password, read as the notes say."""
        secret = self.get("secret", f"{self.name}-keys")["data"]
        return base64.b64decode(secret["bootstrap-admin-password"]).decode()

    def story(self) -> str:
        """What goes wrong, for somebody who cannot look: pods that are not ready, their events and last words."""
        lines = [self.kubectl("get", "pods,jobs", "--output=wide")]
        lines.append(self.kubectl("get", "events", "--sort-by=.lastTimestamp", "--field-selector=type!=Normal"))
        for pod in self.get("pods")["items"]:
            conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
            if conditions.get("Ready") != "True":
                name = pod["metadata"]["name"]
                done = subprocess.run(
                    [self.cluster.kubectl, f"--namespace={self.namespace}", "logs", name, "--tail=30"],
                    capture_output=True, text=True, check=False, timeout=30,
                )  # fmt: skip
                lines.append(f"--- {name}\n{done.stdout}{done.stderr}")
        return "\n".join(lines)

    @contextmanager
    def reachable(self, component: str = "gateway") -> Iterator[str]:
        """A URL of this machine that leads to one pod of the Service, by port-forward, as the notes say."""
        port = "80" if component == "gateway" else "50051"
        command = [self.cluster.kubectl, f"--namespace={self.namespace}", "port-forward", "--address=127.0.0.1"]
        process = subprocess.Popen(
            [*command, f"service/{self.name}-{component}", f":{port}"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "Forwarding from" in line, f"kubectl port-forward said: {line}"
            yield f"http://{line.split()[2]}"
        finally:
            process.terminate()
            process.wait()

    def _helm(self, verb: str, *arguments: str) -> float:
        self.revisions += 1
        file = self.folder / f"values-{self.revisions}.yaml"
        file.write_text(yaml.safe_dump(self.values))
        started = time.monotonic()
        command = [self.cluster.helm, verb, self.name, *arguments, f"--namespace={self.namespace}"]
        try:
            run([*command, f"--values={file}", "--wait", "--wait-for-jobs", "--timeout=300s"], timeout=320)
        except CommandFailed as failed:
            raise CommandFailed(f"{failed}\n{self.story()}") from failed
        return time.monotonic() - started


@dataclass
class Traffic:
    """A pod in the cluster that uses the gateway's Service as clients do; see traffic.py."""

    release: Release
    name: str
    options: dict[str, Any]

    def __enter__(self) -> Traffic:
        kept = {"name": self.name, "namespace": self.release.namespace}
        script = Path(__file__).with_name("traffic.py").read_text()
        self.release.cluster.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": kept, "data": {"traffic.py": script}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": self._pod()},
        )
        eventually("the traffic flows", self.said, lambda said: any("flowing" in line for line in said), 90)
        return self

    def __exit__(self, *_: object) -> None:
        self.release.kubectl("delete", "pod,configmap", self.name, "--grace-period=1", "--ignore-not-found")

    def said(self) -> list[dict[str, Any]]:
        """What it has told so far, a document a line."""
        phase = self.release.get("pod", self.name)["status"]["phase"]
        if phase == "Pending":
            return []
        lines = self.release.kubectl("logs", self.name).splitlines()
        assert phase in ("Running", "Succeeded"), f"the traffic ended: {lines[-15:]}"
        return [json.loads(line) for line in lines if line.startswith("{")]

    def end(self) -> dict[str, Any]:
        """Stop it, wait until all work that it began has ended, and give its summary."""
        self.release.kubectl("exec", self.name, "--", "touch", "/tmp/stop")
        (summary,) = eventually(
            "all work has ended",
            lambda: [said["summary"] for said in self.said() if "summary" in said],
            lambda found: len(found) == 1,
            240,
        )
        return dict(summary)

    def _pod(self) -> Object:
        release = self.release
        secret = {"secretKeyRef": {"name": f"{release.name}-keys", "key": "bootstrap-admin-password"}}
        return {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "traffic",
                    "image": f"assay-cli:{release.values['image']['tag']}",
                    "command": ["python", "/traffic/traffic.py", json.dumps(self.options)],
                    "env": [
                        {"name": "ASSAY_URL", "value": f"http://{release.name}-gateway"},
                        {"name": "ASSAY_PASSWORD", "valueFrom": secret},
                    ],
                    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": "script", "mountPath": "/traffic"},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [{"name": "script", "configMap": {"name": self.name}}, {"name": "tmp", "emptyDir": {}}],
        }
