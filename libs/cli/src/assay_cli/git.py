"""What an audit needs of the user's git: which commit, and all that leads to it as one file."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from assay_cli.errors import WrongUsage

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit of a repository on this machine."""

    root: Path
    reference: str
    """A full name such as refs/heads/main, HEAD, or the commit itself."""
    commit: str
    uncommitted: int
    """Files whose changes are in no commit."""

    @property
    def name(self) -> str:
        """What the repository is called, after its folder."""
        return name_from(self.root.name)

    def write_bundle(self, file: Path) -> None:
        """Write the commit and its history; raises WrongUsage when git cannot."""
        # A bundle names references; a commit that has no name of its own travels with those that lead to it.
        names = ["HEAD", "--branches", "--tags"] if self.reference == self.commit else [self.reference]
        _git(self.root, "bundle", "create", "--quiet", str(file), *names)


def snapshot(path: Path, ref: str) -> Snapshot:
    """The commit that `ref` names in the repository at `path`.

    Raises:
        WrongUsage: there is no repository or no such commit, or its history is not whole.
    """
    if not path.is_dir():
        raise WrongUsage(f"{path} is neither a folder nor an https URL.")
    is_bare = _git(path, "rev-parse", "--is-bare-repository") == "true"
    root = Path(_git(path, "rev-parse", "--absolute-git-dir" if is_bare else "--show-toplevel"))
    if _git(root, "rev-parse", "--is-shallow-repository") == "true":
        raise WrongUsage(f"{root} has only a part of its history. Fetch the rest first: git fetch --unshallow")
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except WrongUsage as error:
        raise WrongUsage(f"{root} has no commit {ref}.") from error
    full_name = "HEAD" if ref == "HEAD" else _git(root, "rev-parse", "--symbolic-full-name", "--end-of-options", ref)
    changed = "" if is_bare else _git(root, "status", "--porcelain")
    return Snapshot(root, _last_line(full_name) or commit, commit, len(changed.splitlines()))


def name_from(words: str) -> str:
    """The name of a repository made of a folder's or a URL's: lower case, and only what names may hold."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", words.lower().removesuffix(".git")).strip("-._")
    return plain[:_LONGEST_NAME] or "repository"


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise WrongUsage("git is not installed, or not on PATH.") from error
    except subprocess.CalledProcessError as error:
        raise WrongUsage(f"git: {error.stderr.strip() or error}") from error
    return done.stdout.strip()


def _last_line(text: str) -> str:
    """`rev-parse` repeats the separator before the name on some versions of git."""
    return text.rpartition("\n")[2] if not text.endswith("--end-of-options") else ""
