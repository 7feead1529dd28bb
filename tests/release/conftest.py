"""The previous release's own source, taken out of the repository's history, and suites that run it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assay_local.stack import Stack
from assay_local.table import SUITE
from assay_testing.blocking import run

ROOT = Path(__file__).resolve().parents[2]
NOTE = ROOT / "deploy/previous-release"
PACKAGES = ("assay_common", "assay_protos", *sorted({entry.module for entry in SUITE}))


@pytest.fixture(scope="session")
def previous_revision() -> str:
    """The release whose code must work on the schema of this tree; skips without a history that holds it."""
    revision = NOTE.read_text().strip()
    if not (ROOT / ".git").exists():
        pytest.skip("no git history here: the previous release cannot be taken from it")
    if _git("rev-parse", "--is-shallow-repository").strip() == b"true":
        pytest.skip("the history is shallow (git fetch --unshallow): the previous release cannot be taken from it")
    kind = subprocess.run(["git", "cat-file", "-t", revision], cwd=ROOT, capture_output=True, text=True, check=False)
    assert kind.stdout.strip() in ("commit", "tag"), f"{NOTE} names {revision}, which is no revision of this repository"
    return revision


@pytest.fixture(scope="session")
def previous_path(previous_revision: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The PYTHONPATH under which a process runs the previous release in this environment."""
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", previous_revision, "protos", "libs", "services"))) as archive:
        archive.extractall(folder, filter="data")
    sources = [folder / "protos/gen", *sorted(folder.glob("*/src")), *sorted(folder.glob("*/*/src"))]
    path = os.pathsep.join(str(source) for source in sources)
    where = f"import {', '.join(PACKAGES)}; print(*[m.__file__ for m in ({', '.join(PACKAGES)})], sep='\\n')"
    told = subprocess.run(
        [sys.executable, "-c", where],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(Path(line).is_relative_to(folder) for line in told.stdout.split()), told.stdout
    return path


@pytest.fixture
def make_suite(make_stack: Callable[..., Stack]) -> Iterator[Callable[..., Stack]]:
    """`make_suite(variables)` starts a whole suite of one's own; it is stopped at the test's end."""
    made = []

    def make(variables: dict[str, dict[str, str]]) -> Stack:
        stack = make_stack(variables=variables)
        made.append(stack)
        run(stack.up())
        return stack

    yield make
    for stack in made:
        run(stack.down())


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
