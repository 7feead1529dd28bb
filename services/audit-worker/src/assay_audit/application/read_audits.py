"""Read audit runs and their findings."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay_audit.application.find import find_repository, find_run, is_visible
from assay_audit.application.pages import Page, last_id, page_of
from assay_audit.application.ports import UnitOfWork
from assay_audit.domain.errors import AuditNotFound, required
from assay_audit.domain.findings import Finding
from assay_audit.domain.kinds import AuditKind, Severity
from assay_audit.domain.repository import as_id
from assay_audit.domain.run import AuditRun
from assay_common.identity import Principal
from assay_common.postgres.pages import page_size

EXPORT_PAGE: Final = 1_000
"""Findings read at a time for an export."""

IdentifiedFinding = tuple[UUID, Finding]


@dataclass(frozen=True, slots=True)
class GetAudit:
    """One audit run."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, audit_id: str) -> AuditRun:
        """Raises AuditNotFound."""
        async with self.uow(caller.tenant) as tx:
            return await find_run(tx, caller, run_id("id", audit_id))


@dataclass(frozen=True, slots=True)
class BatchGetLatestAudits:
    """The newest audit run of each of many repositories."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, repositories: Sequence[UUID]) -> Sequence[AuditRun]:
        """Those that there are, of repositories that the caller may touch."""
        async with self.uow(caller.tenant) as tx:
            return [run for run in await tx.runs.latest(repositories) if is_visible(run, caller)]


@dataclass(frozen=True, slots=True)
class ListAudits:
    """The organisation's audit runs, newest first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, repository: str, size: int, page_token: str) -> Page[AuditRun]:
        """Of one repository (id or name) if given. Raises RepositoryNotFound."""
        limit, before = page_size(size), last_id(page_token)
        async with self.uow(caller.tenant) as tx:
            only = (await find_repository(tx, caller, repository)).id if repository else None
            found = await tx.runs.page(caller, repository=only, before=before, limit=limit + 1)
        return page_of([(run.id, run) for run in found], limit)


@dataclass(frozen=True, slots=True)
class ListFindings:
    """Findings of a run, worst first."""

    uow: UnitOfWork

    async def __call__(
        self,
        caller: Principal,
        audit_id: str,
        kind: AuditKind | None,
        minimum: Severity,
        size: int,
        page_token: str,
    ) -> Page[IdentifiedFinding]:
        """Raises AuditNotFound."""
        limit, after = page_size(size), last_id(page_token)
        async with self.uow(caller.tenant) as tx:
            run = await find_run(tx, caller, run_id("audit_id", audit_id))
            found = await tx.findings.page(run.id, kind=kind, minimum=minimum, after=after, limit=limit + 1)
        return page_of([(finding_id, (finding_id, finding)) for finding_id, finding in found], limit)


@dataclass(frozen=True, slots=True)
class Export:
    """A run, the rules that were broken, and its findings, read as they are consumed."""

    run: AuditRun
    rules: Sequence[tuple[str, Severity]]
    findings: AsyncIterator[Finding]


@dataclass(frozen=True, slots=True)
class ExportFindings:
    """All findings of a run, worst first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, audit_id: str) -> Export:
        """Raises AuditNotFound."""
        async with self.uow(caller.tenant) as tx:
            run = await find_run(tx, caller, run_id("audit_id", audit_id))
            rules = await tx.findings.rules(run.id)
        return Export(run, rules, self._findings(caller.tenant, run.id))

    async def _findings(self, org_id: UUID, audit: UUID) -> AsyncIterator[Finding]:
        after: UUID | None = None
        while True:
            async with self.uow(org_id) as tx:
                page = await tx.findings.page(audit, kind=None, minimum=Severity.NOTE, after=after, limit=EXPORT_PAGE)
            for _, finding in page:
                yield finding
            if len(page) < EXPORT_PAGE:
                return
            after = page[-1][0]


def run_id(field: str, text: str) -> UUID:
    """The id of a run; what is no id is the id of no run. Raises MalformedRequest or AuditNotFound."""
    found = as_id(required(field, text))
    if found is None:
        raise AuditNotFound.of(text)
    return found
