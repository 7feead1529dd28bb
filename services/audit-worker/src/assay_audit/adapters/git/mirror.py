"""A bare repository, read without a checkout."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay_audit.adapters.git.bundles import commit_in
from assay_audit.adapters.git.command import Git
from assay_audit.domain.errors import RepositoryUnreadable, UnknownCommit
from assay_audit.domain.files import TreeEntry, printable_path
from assay_audit.domain.history import Change, Commit, LargeObject
from assay_common.errors import Violation

# A commit begins with a byte that begins no line of the statistics; fields are separated by another.
_FORMAT: Final = "%x01%H%x02%ae%x02%P%x02%s"


@dataclass(frozen=True, slots=True)
class GitMirror:
    """The port `Mirror`."""

    git: Git
    folder: Path
    max_commits: int

    async def resolve(self, commit: str) -> str:
        """The full id of the commit; of HEAD when empty. Raises UnknownCommit."""
        found = await commit_in(self.git, self.folder, commit or "HEAD")
        if found is None:
            problem = Violation("commit", "not in the repository")
            raise UnknownCommit(f"commit {commit or 'HEAD'} is not in the repository", problem)
        return found

    async def tree(self, commit: str) -> list[TreeEntry]:
        """Everything in the commit's tree."""
        listed = await self.git.output("ls-tree", "-r", "-l", "-z", "--full-tree", commit, folder=self.folder)
        return [_entry(line) for line in listed.split(b"\0") if line]

    async def blobs(self, ids: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        """Contents by id, in the order asked for."""
        with tempfile.TemporaryFile(dir=self.folder) as asked:
            asked.write("".join(f"{blob}\n" for blob in ids).encode())
            asked.seek(0)
            async with self.git.stream("cat-file", "--batch", folder=self.folder, stdin=asked) as answers:
                for blob in ids:
                    yield blob, await self._content(answers, blob)

    async def history(self, commit: str) -> list[Commit]:
        """The newest commits that lead to it, newest first, as many as the settings say."""
        log = await self.git.output(
            "log", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-show-signature",
            f"--max-count={self.max_commits}", f"--format={_FORMAT}", commit, "--",
            folder=self.folder,
        )  # fmt: skip
        return await asyncio.to_thread(_commits, log)

    async def large_objects(self, commit: str, above: int) -> list[LargeObject]:
        """Blobs of the whole history larger than so many bytes."""
        listed = await self.git.output(
            "cat-file", "--batch-all-objects", "--unordered",
            "--batch-check=%(objecttype) %(objectsize) %(objectname)",
            folder=self.folder,
        )  # fmt: skip
        every = (line.split() for line in listed.decode().splitlines())
        large = {name: int(size) for kind, size, name in every if kind == "blob" and int(size) > above}
        if not large:
            return []
        named = await self.git.output("rev-list", "--objects", commit, "--", folder=self.folder)
        reachable = (line.partition(b" ") for line in named.splitlines())
        return [
            LargeObject(blob.decode(), large[blob.decode()], printable_path(path))
            for blob, _, path in reachable
            if blob.decode() in large
        ]

    async def _content(self, answers: asyncio.StreamReader, blob: str) -> bytes:
        try:
            async with asyncio.timeout(self.git.limits.seconds):
                header = (await answers.readline()).split()
                if len(header) != 3 or header[1] != b"blob":
                    raise RepositoryUnreadable(f"object {blob} is missing or no file")
                return (await answers.readexactly(int(header[2]) + 1))[:-1]
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            raise RepositoryUnreadable(f"object {blob} cannot be read") from error


def _entry(line: bytes) -> TreeEntry:
    description, _, path = line.partition(b"\t")
    mode, _, object_id, size = description.decode().split()
    return TreeEntry(mode, object_id, 0 if size == "-" else int(size), printable_path(path))


def _commits(log: bytes) -> list[Commit]:
    found: list[tuple[bytes, list[Change]]] = []
    for token in log.split(b"\0"):
        if token.startswith(b"\x01"):
            found.append((token[1:], []))
        elif found and (statistics := token.lstrip(b"\n")):
            found[-1][1].append(_change(statistics))
    return [_commit(header, changes) for header, changes in found]


def _commit(header: bytes, changes: list[Change]) -> Commit:
    # Only the id is git's own; authors may have written anything into the rest.
    fields = [*header.decode("utf-8", "replace").split("\x02", 3), "", "", ""]
    return Commit(
        id=fields[0],
        author=fields[1].strip().lower(),
        parents=len(fields[2].split()),
        subject=fields[3],
        changes=tuple(changes),
    )


def _change(statistics: bytes) -> Change:
    added, deleted, path = statistics.split(b"\t", 2)
    if added == b"-":
        return Change(printable_path(path), 0, 0, binary=True)
    return Change(printable_path(path), int(added), int(deleted))
