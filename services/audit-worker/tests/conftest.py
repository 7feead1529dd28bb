import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from assay_audit.adapters.git.command import Git
from assay_audit.adapters.processes import Limits
from assay_audit.adapters.scratch import ScratchFolders

MIB = 1024 * 1024


class WorkTree:
    """A git repository that a test writes, with commits of a fixed author and time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes = b"", author: str = "ada@example.org") -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            input=stdin,
            check=True,
            stdout=subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_AUTHOR_NAME": "A",
                "GIT_AUTHOR_EMAIL": author,
                "GIT_COMMITTER_NAME": "A",
                "GIT_COMMITTER_EMAIL": author,
            },
        )
        return done.stdout.decode(errors="replace").strip()

    def put(self, files: dict[str, str | bytes]) -> None:
        for path, content in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "Change something worth it", *, author: str = "ada@example.org") -> str:
        self.git("add", "--all")
        allow = ("--allow-empty-message", "--allow-empty", "--no-verify")
        self.git("commit", "--quiet", *allow, "-m", message, author=author)
        return self.git("rev-parse", "HEAD")

    def bundle(self, *what: str) -> bytes:
        file = self.folder.parent / f"{self.folder.name}.bundle"
        self.git("bundle", "create", "--quiet", str(file), *(what or ("--all", "HEAD")))
        return file.read_bytes()

    def tree_of(self, entries: dict[bytes, tuple[str, str]]) -> str:
        """A commit whose tree has these names with (mode, object), without a work tree having them."""
        listing = b"".join(
            f"{mode} {'commit' if mode == '160000' else 'blob'} {name}\t".encode() + path + b"\0"
            for path, (mode, name) in entries.items()
        )
        tree = self.git("mktree", "-z", "--missing", stdin=listing)
        commit = self.git("commit-tree", tree, "-m", "Add odd names")
        self.git("update-ref", "HEAD", commit)
        return commit

    def blob(self, content: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=content)


@pytest.fixture
def make_work_tree(tmp_path):
    made = 0

    def make() -> WorkTree:
        nonlocal made
        made += 1
        return WorkTree(tmp_path / f"tree-{made}")

    return make


@pytest.fixture
def work_tree(make_work_tree):
    return make_work_tree()


@pytest.fixture
def git():
    return Git(Limits(seconds=60, memory_bytes=4096 * MIB, file_bytes=512 * MIB))


@pytest.fixture
def scratch(tmp_path):
    folders = ScratchFolders(tmp_path / "data", max_bundle_bytes=64 * MIB)
    yield folders
    folders.close()


@pytest.fixture
def until():
    """Waits for a condition: `await until(lambda: …)` gives what it gave once that was true."""

    async def wait(condition, seconds: float = 60.0):
        async with asyncio.timeout(seconds):
            while not (found := await condition()):  # noqa: ASYNC110 - what is waited for is in other processes
                await asyncio.sleep(0.05)
        return found

    return wait
