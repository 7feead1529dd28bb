"""The manifest of a Job: what the installation gives as a template, and what only the worker knows."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

RUN_LABEL: Final = "assay/audit"
WORKER_LABEL: Final = "assay/worker"


@dataclass(frozen=True, slots=True)
class Owner:
    """The worker's pod: when it goes, the cluster removes its Jobs."""

    pod: str
    uid: str

    @property
    def selector(self) -> str:
        """What finds the worker's Jobs."""
        return f"{WORKER_LABEL}={self.pod}"

    def references(self) -> list[dict[str, Any]]:
        """`ownerReferences`; without `blockOwnerDeletion`, which would ask for more rights."""
        if not self.uid:
            return []
        return [{"apiVersion": "v1", "kind": "Pod", "name": self.pod, "uid": self.uid}]


def filled(
    template: Mapping[str, Any], *, name: str, audit_id: UUID, owner: Owner, variables: Mapping[str, str]
) -> dict[str, Any]:
    """The template with its name, its labels, its owner and the variables of its one container."""
    manifest = deepcopy(dict(template))
    labels = {RUN_LABEL: str(audit_id), WORKER_LABEL: owner.pod}
    pod = manifest["spec"]["template"]
    for metadata in (manifest["metadata"], pod.setdefault("metadata", {})):
        metadata["labels"] = {**metadata.get("labels", {}), **labels}
    manifest["metadata"]["name"] = name
    if references := owner.references():
        manifest["metadata"]["ownerReferences"] = references
    (container,) = pod["spec"]["containers"]
    container["env"] = [
        *container.get("env", []),
        *({"name": variable, "value": value} for variable, value in variables.items()),
    ]
    return manifest
