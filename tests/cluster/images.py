"""The images under test, built from the Dockerfiles and handed to the cluster."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml
from tests.cluster.kube import run

ROOT: Final = Path(__file__).parents[2]
TAGS_VARIABLE: Final = "ASSAY_IMAGE_TAGS"
"""Names two tags of images that the cluster has already, separated by a space; without it they are built."""
LOADER_VARIABLE: Final = "ASSAY_LOAD_IMAGE"
"""The command that builds an image and hands it to the cluster: NAME:TAG, options of `docker build`, the context."""
DEFAULT_LOADER: Final = str(Path(__file__).with_name("load-image"))
BUILD_SECONDS: Final = 1200


def tags_under_test() -> tuple[str, str]:
    """The tag to install, and the one to upgrade to; both are built first unless the environment names them."""
    given = os.environ.get(TAGS_VARIABLE)
    if given:
        first, second = given.split()
        return first, second
    return _build("test"), _build("test-next")


def _build(tag: str) -> str:
    """Build every image that skaffold.yaml lists, and hand it to the cluster under this tag."""
    loader = shlex.split(os.environ.get(LOADER_VARIABLE, DEFAULT_LOADER))
    for name, options in _artifacts():
        run([*loader, f"{name}:{tag}", *options, str(ROOT)], timeout=BUILD_SECONDS)
    return tag


def _artifacts() -> Iterator[tuple[str, list[str]]]:
    """Each image's name, and the options that build it."""
    for artifact in yaml.safe_load((ROOT / "skaffold.yaml").read_text())["build"]["artifacts"]:
        docker = artifact["docker"]
        arguments = [word for item in docker.get("buildArgs", {}).items() for word in ("--build-arg", "=".join(item))]
        yield artifact["image"], ["-f", str(ROOT / docker["dockerfile"]), *arguments]
