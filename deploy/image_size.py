"""Holds an image against what is promised of it.

    python3 deploy/image_size.py assay-auth:ci assay-auth

What it adds to its base is under the limit, its user is not root, and it has a health command. Asks `docker`; needs
nothing but Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

LIMITS: Final = {"assay-evaluation": 400, "assay-audit": 400, "assay-standalone": None}
"""Megabytes (10⁶ bytes) over the base, where others hold: for providers and a model, and engines. Servers have none."""
LIMIT: Final = 170
FIRST_LAYER: Final = "useradd --uid 10001"
"""Of what is the image's own: no base does this."""


def added(history: str) -> int:
    """Bytes of the layers above the base, from lines of `SIZE<TAB>COMMAND`, the last layer first.

    Raises ValueError when no layer is known for the image's own first.
    """
    total = 0
    for line in history.splitlines():
        size, _, command = line.partition("\t")
        total += int(size)
        if FIRST_LAYER in command:
            return total
    raise ValueError(f"no layer does '{FIRST_LAYER}'")


def complaints(name: str, size: int, config: dict[str, object]) -> list[str]:
    """What of the promises an image breaks."""
    found = []
    limit = LIMITS.get(name, LIMIT)
    if limit is not None and size >= limit * 10**6:
        found.append(f"{name} adds {size / 10**6:.0f} MB to its base; the limit is {limit} MB")
    if str(config.get("User") or "0").partition(":")[0] in ("0", "root"):
        found.append(f"{name} runs as root")
    if not config.get("Healthcheck"):
        found.append(f"{name} has no health command")
    return found


def main(image: str, name: str) -> int:
    """0, or 1 when a promise is broken."""
    history = _docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", image)
    (described,) = json.loads(_docker("image", "inspect", image))
    size = added(history)
    found = complaints(name, size, described["Config"])
    sys.stdout.write("\n".join(found or [f"{name} adds {size / 10**6:.0f} MB to its base"]) + "\n")
    return 1 if found else 0


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
