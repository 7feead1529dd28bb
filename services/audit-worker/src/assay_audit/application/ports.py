"""What the use cases need from the outside."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from assay_audit.domain.analysis import Analysis, Engine
from assay_audit.domain.clone_url import CloneTarget
from assay_audit.domain.files import SourceFile, TreeEntry
from assay_audit.domain.findings import Finding
from assay_audit.domain.history import Commit, LargeObject
from assay_audit.domain.kinds import AuditKind, Severity
from assay_audit.domain.repository import Bundle, Repository
from assay_audit.domain.run import AuditRun, Measured
from assay_common.identity import Principal


class Repositories(Protocol):
    """The repositories of one organisation."""

    async def add(self, repository: Repository) -> None:
        """Store a new repository and announce it. Raises RepositoryNameTaken."""

    async def get(self, reference: str, *, for_update: bool = False) -> Repository:
        """The repository of this id or name; locked until the transaction ends if asked. Raises RepositoryNotFound."""

    async def some(self, ids: Sequence[UUID]) -> Sequence[Repository]:
        """Those of these repositories that there are, by one query."""

    async def page(self, caller: Principal, *, before: UUID | None, limit: int) -> Sequence[Repository]:
        """Repositories that the caller may touch, newest first, beginning after the id given."""

    async def bundle_with(self, repository_id: UUID, commit: str) -> str | None:
        """Digest of the newest bundle that was uploaded for this very commit, which later ones may lack."""

    async def use_bundle(self, repository_id: UUID, digest: str, *, at: datetime) -> bool:
        """Keep a bundle from being removed as old; False when there is none such, or not any more."""

    async def save(self, repository: Repository, bundle: Bundle, *, moved: bool) -> None:
        """Store the repository and its new bundle, and announce its new commit if it moved."""

    async def save_url(self, repository: Repository) -> None:
        """Store the repository's new URL and announce it."""


class Runs(Protocol):
    """The audit runs of one organisation."""

    async def add(self, run: AuditRun) -> None:
        """Store a new run, announce it, and ask a worker to prepare it."""

    async def get(self, run_id: UUID, *, for_update: bool = False) -> AuditRun:
        """The run with its eight results; locked until the transaction ends if asked. Raises AuditNotFound."""

    async def page(
        self, caller: Principal, *, repository: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[AuditRun]:
        """Runs of repositories that the caller may touch, newest first, of one repository if given, beginning after
        the id given.
        """

    async def latest(self, repositories: Sequence[UUID]) -> Sequence[AuditRun]:
        """The newest run of each of these repositories that has one; as many statements for all as for one."""

    async def prepared(self, run: AuditRun) -> None:
        """Store what is to be audited, and ask workers for the audits that are queued."""

    async def begin_audit(self, run_id: UUID, kind: AuditKind) -> bool:
        """Note that an audit is running; False when it has ended."""

    async def store(self, run_id: UUID, repository_id: UUID, measured: Measured) -> bool:
        """Store a result with its findings, once, and announce it; says whether it was the run's last."""

    async def ended(self, run: AuditRun) -> None:
        """Store that the run has ended and announce it."""


class Findings(Protocol):
    """The findings of audit runs."""

    async def page(
        self,
        run_id: UUID,
        *,
        kind: AuditKind | None,
        minimum: Severity,
        after: UUID | None,
        limit: int,
    ) -> Sequence[tuple[UUID, Finding]]:
        """Findings with their ids, worst first, beginning after the id given."""

    async def rules(self, run_id: UUID) -> Sequence[tuple[str, Severity]]:
        """The rules that were broken, each with the worst severity it was found with."""


class AnalysisCache(Protocol):
    """What engines said of contents, per organisation."""

    async def find(self, engine: str, version: str, config: str, contents: Collection[str]) -> Mapping[str, Analysis]:
        """The analyses that are known, by content."""

    async def remember(self, engine: str, version: str, config: str, analyses: Mapping[str, Analysis]) -> None:
        """Keep new analyses, by content."""


class Transaction(Protocol):
    """One transaction of one organisation."""

    @property
    def repositories(self) -> Repositories:
        """The organisation's repositories."""

    @property
    def runs(self) -> Runs:
        """The organisation's audit runs."""

    @property
    def findings(self) -> Findings:
        """The organisation's findings."""

    @property
    def analyses(self) -> AnalysisCache:
        """The organisation's analysis cache."""


class UnitOfWork(Protocol):
    """Opens transactions: committed at the end of the block, rolled back when it raises."""

    def __call__(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one organisation's rows only."""


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A bundle in a scratch folder, gone when the folder is left."""

    path: Path
    digest: str
    size_bytes: int


class Scratch(Protocol):
    """Temporary folders, removed whatever happens."""

    def folder(self) -> AbstractAsyncContextManager[Path]:
        """A new empty folder for the length of the block."""

    async def receive(self, chunks: AsyncIterator[bytes], folder: Path) -> BundleFile:
        """Write an upload into the folder. Raises BundleTooLarge."""


class BundleStore(Protocol):
    """The object store, in which every worker finds the bundles."""

    async def put(self, org_id: UUID, repository_id: UUID, bundle: BundleFile) -> None:
        """Store a bundle, whole or not at all. Raises ObjectStoreUnavailable."""

    async def fetch(self, org_id: UUID, repository_id: UUID, digest: str, into: Path) -> None:
        """Write a bundle to a file. Raises ObjectStoreUnavailable, or RepositoryUnreadable when it is not there."""


class Mirror(Protocol):
    """A bare repository that is read and never checked out."""

    async def resolve(self, commit: str) -> str:
        """The full id of the commit; of HEAD when empty. Raises UnknownCommit."""

    async def tree(self, commit: str) -> list[TreeEntry]:
        """Everything in the commit's tree."""

    def blobs(self, ids: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        """Contents by id, in the order asked for."""

    async def history(self, commit: str) -> list[Commit]:
        """The newest commits that lead to it, newest first, as many as the settings say."""

    async def large_objects(self, commit: str, above: int) -> list[LargeObject]:
        """Blobs of the whole history larger than so many bytes."""


class Mirrors(Protocol):
    """Mirrors made from bundles, kept for the next audit."""

    def lease(self, org_id: UUID, repository_id: UUID, digest: str) -> AbstractAsyncContextManager[Mirror]:
        """A mirror that stays for the length of the block. Raises RepositoryUnreadable or ObjectStoreUnavailable."""


class Verifier(Protocol):
    """Proves that a bundle is whole."""

    async def head_of(self, bundle: Path, commit: str) -> str:
        """Verify every object of the bundle and tell its commit: the one asked for, or its HEAD or only branch.

        Raises:
            CorruptBundle: it is no bundle, needs commits that it lacks, or holds damaged objects.
            UnknownCommit: the commit asked for is not in it, or none was asked for and it has no obvious one.
        """


class Cloner(Protocol):
    """Brings a repository in by https."""

    async def clone(self, target: CloneTarget, addresses: Sequence[str], folder: Path) -> tuple[BundleFile, str]:
        """Clone from exactly these addresses and pack the clone as a bundle; the bundle, and the commit of its HEAD.

        Raises RepositoryUnreadable.
        """


class Resolver(Protocol):
    """Asks for a host's addresses."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """All of them, IPv4 and IPv6; none when the host is unknown."""


class Engines(Protocol):
    """Runs analysis engines in processes of their own, limited in time and memory."""

    def version(self, engine: str) -> str:
        """The engine's version: with another one, everything is analysed anew."""

    async def run(
        self, audit_id: UUID, engine: Engine, files: Sequence[SourceFile], mirror: Mirror, *, together: bool
    ) -> Mapping[str, Analysis]:
        """Analyse files, by path; `together` in one process, for engines that see connections between files.

        Raises EngineFailed, or Unavailable when there is nowhere to run an engine at the moment.
        """
