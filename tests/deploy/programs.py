"""What a rendering would run in the cluster, run here: with the arguments and variables that it gives."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from typing import Any


def variables_of(release: Any, name: str) -> dict[str, str]:
    """The environment of a pod's container, its Secrets read; without what may be missing."""
    (container,) = release.pods[name]["spec"]["containers"]
    return {
        each["name"]: each["value"] if "value" in each else _secret(release, each)
        for each in container["env"]
        if "value" in each or not each["valueFrom"]["secretKeyRef"].get("optional")
    }


async def start(release: Any, name: str, variables: dict[str, str]) -> asyncio.subprocess.Process:
    """The container's process with these variables."""
    (container,) = release.pods[name]["spec"]["containers"]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *container["args"],
        env={"PATH": os.environ["PATH"], **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def _secret(release: Any, variable: dict[str, Any]) -> str:
    reference = variable["valueFrom"]["secretKeyRef"]
    secret = release.of_kind("Secret")[reference["name"].removeprefix("assay-")]
    if "stringData" in secret:
        return str(secret["stringData"][reference["key"]])
    return base64.b64decode(secret["data"][reference["key"]]).decode()
