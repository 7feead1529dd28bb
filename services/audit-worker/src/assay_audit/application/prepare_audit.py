"""Bring a repository in, and queue the audits of a run."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from assay_audit.application.analyst import Analyst
from assay_audit.application.approve_url import ApproveUrl
from assay_audit.application.audits.snapshot import TEXT, lines_of
from assay_audit.application.ending import fail_queued
from assay_audit.application.metrics import PREPARATIONS
from assay_audit.application.ports import BundleStore, Cloner, Mirror, Mirrors, Scratch, UnitOfWork
from assay_audit.domain.errors import (
    CorruptBundle,
    EngineFailed,
    RepositoryUnreadable,
    UnknownCommit,
    UrlNotAllowed,
)
from assay_audit.domain.files import BINARY, take_inventory
from assay_audit.domain.kinds import Status
from assay_audit.domain.repository import Bundle, Repository
from assay_audit.domain.run import AuditRun, Contents
from assay_common.clock import Clock

log = structlog.get_logger()

UNREADABLE = (RepositoryUnreadable, UrlNotAllowed, CorruptBundle, UnknownCommit, EngineFailed)
"""What ends a run: no later try will read the repository."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Which files are too many, or too large, to be audited."""

    max_bytes: int
    max_files: int


@dataclass(frozen=True, slots=True)
class BringIn:
    """Clones a repository into the object store."""

    scratch: Scratch
    approve: ApproveUrl
    cloner: Cloner
    store: BundleStore
    clock: Clock

    async def __call__(self, org_id: UUID, repository: Repository) -> Bundle:
        """Raises UrlNotAllowed or RepositoryUnreadable."""
        target, addresses = await self.approve(repository.url)
        async with self.scratch.folder() as folder:
            file, head = await self.cloner.clone(target, addresses, folder)
            await self.store.put(org_id, repository.id, file)
        return Bundle(repository.id, file.digest, head, file.size_bytes, self.clock())


@dataclass(frozen=True, slots=True)
class PrepareAudit:
    """Make the repository readable for all workers, count what is in it, and queue the audits.

    Idempotent: a run that was prepared, by whichever worker, is left alone. What cannot be read ends the run as FAILED
    with the reason; what is merely away is tried again.
    """

    uow: UnitOfWork
    bring_in: BringIn
    mirrors: Mirrors
    analyst: Analyst
    limits: FileLimits
    clock: Clock

    async def __call__(self, org_id: UUID, audit_id: UUID) -> None:
        """Raises AuditNotFound or Unavailable."""
        async with self.uow(org_id) as tx:
            run = await tx.runs.get(audit_id)
            repository = await tx.repositories.get(str(run.repository_id))
        if run.status is not Status.QUEUED:
            return
        try:
            await self._prepare(org_id, run, repository)
        except UNREADABLE as error:
            await self._fail(org_id, run, error.message)

    async def _prepare(self, org_id: UUID, run: AuditRun, repository: Repository) -> None:
        cloned = await self.bring_in(org_id, repository) if run.bundle_digest is None else None
        digest = cloned.digest if cloned else run.bundle_digest or ""
        commit = run.commit or (cloned.head_commit if cloned else "")
        async with self.mirrors.lease(org_id, repository.id, digest) as mirror:
            contents = await self._contents(org_id, run.id, mirror, commit, digest)
        await self._queue_audits(org_id, run, contents, cloned, repository.url)

    async def _contents(self, org_id: UUID, audit_id: UUID, mirror: Mirror, commit: str, digest: str) -> Contents:
        full = await mirror.resolve(commit)
        inventory = take_inventory(
            await mirror.tree(full), max_bytes=self.limits.max_bytes, max_files=self.limits.max_files
        )
        text = await self.analyst.each(org_id, audit_id, mirror, TEXT, inventory.files)
        binary = {path for path, analysis in text.items() if analysis.measures.get("binary")}
        skipped = dict(inventory.skipped)
        if binary:
            skipped[BINARY] = len(binary)
        return Contents(
            commit=full,
            bundle_digest=digest,
            files=len(inventory.files) - len(binary),
            lines_of_code=sum(lines_of(text[file.path].measures) for file in inventory.code()),
            skipped=skipped,
        )

    async def _queue_audits(
        self, org_id: UUID, run: AuditRun, contents: Contents, cloned: Bundle | None, url: str
    ) -> None:
        async with self.uow(org_id) as tx:
            current = await tx.runs.get(run.id, for_update=True)
            if current.status is not Status.QUEUED:
                return  # another worker was faster
            if cloned:
                repository = await tx.repositories.get(str(run.repository_id), for_update=True)
                if repository.url == url:  # else it comes from elsewhere by now, and this is not its newest commit
                    await tx.repositories.save(repository, cloned, moved=repository.take(cloned))
            current.prepare(contents)
            await tx.runs.prepared(current)
        PREPARATIONS.labels("prepared").inc()

    async def _fail(self, org_id: UUID, run: AuditRun, reason: str) -> None:
        PREPARATIONS.labels("failed").inc()
        log.warning("repository could not be read", audit_id=str(run.id), reason=reason)
        async with self.uow(org_id) as tx:
            await fail_queued(tx, run, reason, at=self.clock())
