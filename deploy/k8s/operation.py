"""Make a Job out of a Deployment: the same pod, once, with other arguments. Needs Python and nothing else.

    kubectl get deployment assay-analytics -o json \\
      | python3 deploy/k8s/operation.py assay_analytics replay beginning | kubectl create -f -

The pod has the labels of the component, so the NetworkPolicies let it reach what the component reaches, and keeps its
readiness probe, which never succeeds, so that no Service sends anything to it.
"""

import json
import sys
from typing import Any

KEPT_SECONDS = 24 * 3600
"""For reading the log; then Kubernetes removes the Job."""


def job_from(deployment: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """The Job that runs the component's image with these arguments, once."""
    metadata, template = deployment["metadata"], deployment["spec"]["template"]
    spec = {**template["spec"], "restartPolicy": "Never"}
    container, *others = spec["containers"]
    gone = ("livenessProbe", "startupProbe", "lifecycle", "ports")
    container = {name: value for name, value in container.items() if name not in gone} | {"args": arguments}
    for name in ("topologySpreadConstraints", "terminationGracePeriodSeconds"):
        spec.pop(name, None)
    spec["containers"] = [container, *others]
    pod = {name: value for name, value in template["metadata"].items() if name in ("labels", "annotations")}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": f"{metadata['name']}-operation-",
            "namespace": metadata["namespace"],
            "labels": metadata.get("labels", {}),
        },
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": pod, "spec": spec},
        },
    }


def main() -> int:
    """Read the Deployment, write the Job; the exit code."""
    if len(sys.argv) < 2 or sys.stdin.isatty():
        sys.stderr.write(__doc__ or "")
        return 2
    json.dump(job_from(json.load(sys.stdin), sys.argv[1:]), sys.stdout, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
