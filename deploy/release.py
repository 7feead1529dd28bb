"""What a release is called, what it is built on, and what it says of itself.

    python3 deploy/release.py version v1.2.3   the tag's version, if all of the repository bears it
    python3 deploy/release.py notes 1.2.3      its section of CHANGELOG.md
    python3 deploy/release.py base             the image that all images are built on

Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


class NotReleasable(Exception):
    """The repository is not at the version that the tag names; the message says what to change."""


def versions(root: Path) -> Iterator[tuple[str, str]]:
    """Each place that states Assay's version, with what it states."""
    chart = (root / "deploy" / "helm" / "assay" / "Chart.yaml").read_text()
    for key in ("version", "appVersion"):
        (stated,) = re.findall(rf'^{key}: "?([^"\n]+)"?$', chart, re.MULTILINE)
        yield f"{key} of deploy/helm/assay/Chart.yaml", stated
    members = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    for folder in [root, *sorted(path for member in members for path in root.glob(member))]:
        project = folder / "pyproject.toml"
        if project.is_file():
            stated = tomllib.loads(project.read_text())["project"]["version"]
            yield str(project.relative_to(root)), stated


def version_of(tag: str, root: Path) -> str:
    """The version that a tag names. Raises NotReleasable unless chart and packages bear it."""
    if re.fullmatch(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", tag) is None:
        raise NotReleasable(f"{tag} is no tag of a release: those read v1.2.3 or v1.2.3-rc.1")
    wanted = tag.removeprefix("v")
    others = [f"{place} says {stated}" for place, stated in versions(root) if stated != wanted]
    if others:
        raise NotReleasable(f"the tag is {tag}, but " + "; ".join(others))
    return wanted


def notes(version: str, root: Path) -> str:
    """The section of CHANGELOG.md on this version. Raises NotReleasable when there is none, or nothing in it."""
    changelog = (root / "CHANGELOG.md").read_text()
    section = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None or not section[1].strip():
        raise NotReleasable(
            f"CHANGELOG.md says nothing under '## [{version}]'; move there what stands under Unreleased"
        )
    return section[1].strip()


def base(root: Path) -> str:
    """The image that the Dockerfile builds on."""
    (image,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", (root / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    return str(image)


def main(arguments: list[str]) -> int:
    """0, or 1 and a message when the repository cannot be released so."""
    try:
        match arguments:
            case ["version", tag]:
                answer = version_of(tag, ROOT)
            case ["notes", version]:
                answer = notes(version, ROOT)
            case ["base"]:
                answer = base(ROOT)
            case _:
                answer = (__doc__ or "").strip()
    except NotReleasable as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
