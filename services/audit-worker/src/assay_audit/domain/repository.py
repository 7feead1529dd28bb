"""A repository: a name, where it comes from, and its newest commit."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from assay_audit.domain.errors import MalformedRepository, RepositoryIsCloned, RepositoryIsEmpty, UnknownCommit
from assay_common.errors import Violation

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A git bundle in the object store: everything that audits of a repository read."""

    repository_id: UUID
    digest: str
    """SHA-256 of the file, in hexadecimal."""
    head_commit: str
    size_bytes: int
    created_at: datetime


@dataclass(slots=True)
class Repository:
    """The aggregate."""

    id: UUID
    name: str
    url: str
    """Where to clone from; empty = bundles are uploaded."""
    created_at: datetime
    updated_at: datetime
    head_commit: str = ""
    bundle_digest: str | None = None
    """The newest bundle."""
    version: int = 1
    """Grows with everything that changes the repository."""

    @property
    def etag(self) -> str:
        """Changes with the repository."""
        return str(self.version)

    @classmethod
    def register(cls, repository_id: UUID, name: str, url: str, *, at: datetime) -> "Repository":
        """A new repository; the URL has been approved already.

        Raises:
            MalformedRepository: the name breaks its form.
        """
        if not _NAME.fullmatch(name) or as_id(name) is not None:
            form = "1 to 100 lower-case letters, digits, '-', '_' and '.', beginning with a letter or a digit; no id"
            raise MalformedRepository("the repository cannot be registered", Violation("name", form))
        return cls(repository_id, name, url, created_at=at, updated_at=at)

    def accepts_bundles(self) -> None:
        """Raises RepositoryIsCloned unless bundles may be uploaded."""
        if self.url:
            raise RepositoryIsCloned(f"{self.name} is cloned from its URL; register another one for bundles")

    def take(self, bundle: Bundle) -> bool:
        """Make the bundle the newest; says whether the newest commit changed by it."""
        moved = bundle.head_commit != self.head_commit
        self.bundle_digest, self.head_commit = bundle.digest, bundle.head_commit
        self.updated_at = bundle.created_at
        self.version += 1
        return moved

    def move(self, url: str, *, at: datetime) -> bool:
        """Have it come from another URL, which has been approved already; says whether it is another one.

        The newest commit and bundle stay what they are until the next clone or upload.
        """
        if url == self.url:
            return False
        self.url, self.updated_at = url, at
        self.version += 1
        return True

    def commit_to_audit(self, asked: str) -> str:
        """The commit that an audit is to read; empty when only the clone can tell.

        Raises:
            UnknownCommit: what was asked for is no full commit id.
            RepositoryIsEmpty: nothing was uploaded yet.
        """
        if asked and not is_commit_id(asked):
            raise UnknownCommit(f"{asked!r} is no commit id", Violation("commit", "40 hexadecimal digits"))
        if not self.url and self.bundle_digest is None:
            raise RepositoryIsEmpty(f"{self.name} has no bundle yet; upload one first", repository=self.name)
        return asked or ("" if self.url else self.head_commit)


def is_commit_id(text: str) -> bool:
    """Whether it is a full SHA-1 commit id."""
    return _COMMIT.fullmatch(text) is not None


def as_id(text: str) -> UUID | None:
    """The UUID that the text spells in its canonical form, or None: then it is a name."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
