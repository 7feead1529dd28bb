"""Repositories, audits and findings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay_gateway.entrypoints.http.schemas.base import Body, PageOf, Shown

AuditKind = Literal["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"]
AuditStatus = Literal["queued", "running", "completed", "not_measured", "failed"]
Severity = Literal["note", "warning", "error"]


class Repository(Shown):
    """A repository."""

    id: str
    name: str
    url: Annotated[str, Field(description="Empty = bundles are uploaded.")]
    head_commit: Annotated[str, Field(description="Commit of the newest bundle or clone; empty = none yet.")]
    created_at: datetime | None
    updated_at: datetime | None


class RepositoryPage(PageOf[Repository]):
    """Repositories of the organisation, newest first."""


class NewRepository(Body):
    """The repository to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop"}]})

    name: str
    url: Annotated[str | None, Field(description="https URL to clone from; absent = bundles are uploaded.")] = None


class UploadedBundle(Shown):
    """What a bundle holds."""

    repository_id: str
    digest: Annotated[str, Field(description="sha256: and the digest of the file.")]
    head_commit: str
    size_bytes: int


class Skipped(Shown):
    """Files that were left out for one reason."""

    reason: str
    files: int


class AuditResult(Shown):
    """One of the eight."""

    kind: AuditKind | None
    status: AuditStatus | None
    score: Annotated[float | None, Field(description="0 to 100, 100 is best; null when not measured.")]
    reason: str
    findings: int
    duration_ms: float | None


class AuditRun(Shown):
    """Eight audits of one commit of one repository."""

    id: str
    repository_id: str
    repository_name: str
    commit: str
    status: AuditStatus | None
    reason: Annotated[str, Field(description="Why it failed; empty otherwise.")]
    audits: list[AuditResult]
    health: Annotated[float | None, Field(description="0 to 100 over the measured audits.")]
    findings: int
    files: int
    lines_of_code: int
    skipped: list[Skipped]
    created_at: datetime | None
    finished_at: datetime | None


class AuditRunPage(PageOf[AuditRun]):
    """Audit runs of the organisation, newest first."""


class NewAudit(Body):
    """The repository, and the commit to audit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"repository": "shop"}]})

    repository: Annotated[str, Field(description="Id or name.")]
    commit: Annotated[str | None, Field(description="Absent = the newest.")] = None


class Finding(Shown):
    """One finding."""

    id: str
    kind: AuditKind | None
    rule: Annotated[str, Field(examples=["ruff/F821"])]
    severity: Severity | None
    message: str
    path: Annotated[str, Field(description="Relative to the root; empty = the repository as a whole.")]
    line: Annotated[int, Field(description="From 1; 0 = the whole file.")]
    fingerprint: Annotated[str, Field(description="Stable when lines move.")]


class FindingPage(PageOf[Finding]):
    """Findings of an audit run, worst first."""
