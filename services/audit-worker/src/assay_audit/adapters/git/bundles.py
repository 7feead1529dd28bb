"""Bundles: verified to the last object, and unpacked into bare repositories."""

import asyncio
from pathlib import Path
from typing import Final

from assay_audit.adapters.git.command import FSCK, Git, complaint
from assay_audit.domain.errors import CorruptBundle, RepositoryUnreadable, UnknownCommit
from assay_common.errors import Violation

MAX_HEADER: Final = 16 * 1024 * 1024
"""Bytes of a bundle's list of references."""
_BRANCH: Final = "refs/heads/"


class GitVerifier:
    """The port `Verifier`: unpacks into a scratch repository beside the bundle, object by object."""

    def __init__(self, git: Git) -> None:
        self._git = git

    async def head_of(self, bundle: Path, commit: str) -> str:
        """Verify every object of the bundle and tell its commit: the one asked for, or its HEAD or only branch.

        Raises:
            CorruptBundle: it is no bundle, needs commits that it lacks, or holds damaged objects.
            UnknownCommit: the commit asked for is not in it, or none was asked for and it has no obvious one.
        """
        folder = bundle.parent / "verify.git"
        heads = await unpack(self._git, bundle, folder)
        if not commit:
            return await _existing(self._git, folder, _obvious(heads))
        found = await commit_in(self._git, folder, commit)
        if found is None:
            problem = Violation("header.commit", "not in the bundle")
            raise UnknownCommit(f"commit {commit} is not in the bundle", problem)
        return found


async def unpack(git: Git, bundle: Path, into: Path) -> dict[str, str]:
    """Make a bare repository of a bundle, checking every object and every link; its heads by reference.

    Its HEAD is the bundle's; it has no other references.

    Raises:
        CorruptBundle: it is no bundle, needs commits that it lacks, or holds damaged objects.
    """
    await asyncio.to_thread(into.mkdir)
    await git.output("init", "--quiet", "--bare", "--template=", ".", folder=into)
    verified = await git("bundle", "verify", str(bundle), folder=into)
    if verified.code != 0:
        raise _corrupt(_reason(verified.stderr) or complaint(verified))
    listed = (await git.output("bundle", "list-heads", str(bundle), folder=into)).decode("utf-8", "replace")
    heads = {name: head for head, _, name in (line.partition(" ") for line in listed.splitlines())}
    await _index(git, bundle, into)
    if "HEAD" in heads:
        head = await _existing(git, into, heads["HEAD"])
        await git.output("update-ref", "--no-deref", "HEAD", head, folder=into)
    return heads


async def commit_in(git: Git, folder: Path, revision: str) -> str | None:
    """The full id of the commit that the revision (an id, or HEAD) names, or None when it is not there."""
    done = await git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", folder=folder)
    return done.stdout.decode().strip() if done.code == 0 else None


async def _existing(git: Git, folder: Path, commit: str) -> str:
    found = await commit_in(git, folder, commit)
    if found is None:
        raise _corrupt("it lacks the commit of its own HEAD")
    return found


async def _index(git: Git, bundle: Path, into: Path) -> None:
    with bundle.open("rb") as file:
        file.seek(await asyncio.to_thread(_length_of_header, bundle))
        # The descriptor is the child's standard input, from where the header ended.
        indexed = await git("index-pack", "--stdin", f"--strict={FSCK}", "--threads=1", folder=into, stdin=file)
    if indexed.code != 0:
        raise _corrupt(complaint(indexed))


def _length_of_header(bundle: Path) -> int:
    with bundle.open("rb") as file:
        start = file.read(MAX_HEADER)
    end = start.find(b"\n\n")
    if end < 0:
        raise _corrupt("its header has no end")
    return end + 2


def _obvious(heads: dict[str, str]) -> str:
    if "HEAD" in heads:
        return heads["HEAD"]
    branches = {name: head for name, head in heads.items() if name.startswith(_BRANCH)}
    if len(set(branches.values())) == 1:
        return next(iter(branches.values()))
    raise UnknownCommit(
        f"the bundle has no HEAD and {len(branches)} branches; name the commit to audit",
        Violation("header.commit", "needed: the bundle has no HEAD"),
    )


def _reason(stderr: str) -> str | None:
    if "prerequisite" in stderr:
        return "it needs commits that it does not hold; make it with `git bundle create FILE --all`"
    if "does not look like a v2 or v3 bundle" in stderr or "unrecognized header" in stderr:
        return "it is no git bundle"
    return None


def _corrupt(reason: str) -> CorruptBundle:
    return CorruptBundle(f"the bundle cannot be taken: {reason}", Violation("chunk", reason))


async def pack(git: Git, folder: Path, bundle: Path) -> None:
    """Write all branches and tags of a repository, and its HEAD, to a bundle. Raises RepositoryUnreadable."""
    done = await git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD", folder=folder)
    if done.code != 0:
        raise RepositoryUnreadable(f"the clone could not be packed: {complaint(done)}")
