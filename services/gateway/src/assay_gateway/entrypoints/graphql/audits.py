"""Repositories, audits and findings."""

from __future__ import annotations

from typing import Any, Final

import strawberry

from assay.audit.v1 import audits_pb2, repositories_pb2
from assay_gateway.entrypoints.graphql.connections import (
    DEFAULT_FIRST,
    After,
    Connection,
    First,
    connection,
    page_arguments,
)
from assay_gateway.entrypoints.graphql.context import Info
from assay_gateway.entrypoints.graphql.prompts import IdOrName
from assay_gateway.entrypoints.graphql.scalars import AuditKind, AuditStatus, DateTime, Severity
from assay_gateway.messages import numbers_of, to_json

Root = strawberry.Parent[Any]

_KINDS: Final = numbers_of(audits_pb2.AuditKind)
_SEVERITIES: Final = numbers_of(audits_pb2.Severity)


@strawberry.type(description="One of the eight audits of a run.")
class AuditResult:
    kind: AuditKind
    status: AuditStatus
    score: float | None
    reason: str
    findings: int
    duration_ms: float | None


@strawberry.type(description="Files that were left out for one reason.")
class Skipped:
    reason: str
    files: int


@strawberry.type(description="One audit run.")
class Audit:
    id: strawberry.ID
    repository_name: str
    commit: str
    status: AuditStatus
    reason: str
    audits: list[AuditResult]
    health: float | None
    findings: int
    files: int
    lines_of_code: int
    skipped: list[Skipped]
    created_at: DateTime
    finished_at: DateTime | None

    @strawberry.field(description="The repository.")
    async def repository(parent: Root, info: Info) -> Repository | None:
        """By the loader."""
        return await info.context.loaders.repositories.load(parent["repository_id"])  # type: ignore[return-value]


@strawberry.type(description="A git repository.")
class Repository:
    id: strawberry.ID
    name: str
    url: str
    head_commit: str
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field(description="The newest audit; null when there is none yet.")
    async def latest_audit(parent: Root, info: Info) -> Audit | None:
        """By the loader."""
        return await info.context.loaders.latest_audits.load(parent["id"])  # type: ignore[return-value]


@strawberry.type(description="One finding of an audit.")
class Finding:
    id: strawberry.ID
    kind: AuditKind
    rule: str
    severity: Severity
    message: str
    path: str
    line: int
    fingerprint: str


@strawberry.type
class AuditQueries:
    @strawberry.field(description="One repository.")
    async def repository(self, info: Info, repository: IdOrName) -> Repository:
        """By the audit service."""
        request = repositories_pb2.GetRepositoryRequest(repository=repository)
        return to_json(await info.context.services.repositories.GetRepository(request))  # type: ignore[return-value]

    @strawberry.field(description="The organisation's repositories, newest first.")
    async def repositories(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Repository]:
        """By the audit service."""
        request = repositories_pb2.ListRepositoriesRequest(**page_arguments(first, after))
        found = await info.context.services.repositories.ListRepositories(request)
        return connection(found.repositories, found.next_page_token)  # type: ignore[no-any-return]

    @strawberry.field(description="One audit run.")
    async def audit(self, info: Info, id: strawberry.ID) -> Audit:  # noqa: A002
        """By the audit service."""
        return to_json(await info.context.services.audits.GetAudit(audits_pb2.GetAuditRequest(id=id)))  # type: ignore[return-value]

    @strawberry.field(description="The organisation's audit runs, newest first; of one repository if given.")
    async def audits(
        self, info: Info, repository: IdOrName = "", first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Audit]:
        """By the audit service."""
        request = audits_pb2.ListAuditsRequest(repository=repository, **page_arguments(first, after))
        found = await info.context.services.audits.ListAudits(request)
        return connection(found.audits, found.next_page_token)  # type: ignore[no-any-return]

    @strawberry.field(description="The findings of an audit run, worst first.")
    async def findings(
        self,
        info: Info,
        audit: strawberry.ID,
        kind: AuditKind | None = None,
        minimum_severity: Severity | None = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[Finding]:
        """By the audit service."""
        request = audits_pb2.ListFindingsRequest(
            audit_id=audit,
            kind=_KINDS[kind.value] if kind else audits_pb2.AUDIT_KIND_UNSPECIFIED,
            minimum_severity=_SEVERITIES[minimum_severity.value]
            if minimum_severity
            else audits_pb2.SEVERITY_UNSPECIFIED,
            **page_arguments(first, after),
        )
        found = await info.context.services.audits.ListFindings(request)
        return connection(found.findings, found.next_page_token)  # type: ignore[no-any-return]
