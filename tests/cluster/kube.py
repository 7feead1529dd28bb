"""kubectl and helm, as the person who installs Assay uses them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")
Object = dict[str, Any]

LOOK_SECONDS = 0.5


class CommandFailed(AssertionError):
    """A command ended with an error; the message holds what it said."""


@dataclass(frozen=True)
class Cluster:
    """The cluster that KUBECONFIG names."""

    kubectl: str
    helm: str

    @classmethod
    def of_environment(cls) -> Cluster:
        """Raises CommandFailed when kubectl or helm is not on PATH, or the cluster does not answer."""
        programs = {name: shutil.which(name) for name in ("kubectl", "helm")}
        for name, path in programs.items():
            if path is None:
                raise CommandFailed(f"{name} is not on PATH; install it to test on a cluster")
        cluster = cls(*(str(path) for path in programs.values()))
        cluster("get", "--raw", "/readyz", timeout=20)
        return cluster

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """What kubectl prints."""
        return run([self.kubectl, *arguments], stdin=stdin, timeout=timeout)

    def get(self, *arguments: str) -> Object:
        """What `kubectl get` answers, read."""
        answer: Object = json.loads(self("get", *arguments, "--output=json"))
        return answer

    def apply(self, *objects: Object) -> None:
        """Create or change objects, checked strictly by the server."""
        self("apply", "--server-side", "--validate=strict", "--filename=-", stdin=yaml.safe_dump_all(objects))

    def address_of_this_machine(self) -> str:
        """The address at which pods reach this machine: the one that leads from here to the node."""
        node = self.get("nodes")["items"][0]
        (address,) = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            here: str = probe.getsockname()[0]
        return here

    @contextmanager
    def namespace(self, name: str, manifest: Path) -> Iterator[str]:
        """A namespace after the manifest's, under another name; removed at the end with all that is in it."""
        wanted = yaml.safe_load(manifest.read_text())
        wanted["metadata"]["name"] = name
        self.apply(wanted)
        try:
            yield name
        finally:
            self("delete", "namespace", name, "--wait=true", "--timeout=180s", timeout=200)


def run(command: list[str], *, stdin: str | None = None, timeout: float) -> str:
    """What a command prints; raises CommandFailed when it ends with an error."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=timeout)
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def eventually(what: str, read: Callable[[], T], holds: Callable[[T], bool], seconds: float) -> T:
    """What `read` gives once the condition holds for it; raises AssertionError with the last value otherwise."""
    give_up_at = time.monotonic() + seconds
    while not holds(value := read()):
        if time.monotonic() > give_up_at:
            raise AssertionError(f"within {seconds:g} s it did not hold that {what}: {value}")
        time.sleep(LOOK_SECONDS)
    return value
