"""Repositories, audits and findings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay_gateway.entrypoints.http.schemas.base import Body, PageOf, Shown
from assay_gateway.entrypoints.http.schemas.words import (
    Digest,
    Etag,
    GivenCommit,
    GivenReference,
    GivenResourceName,
    Id,
    ResourceName,
)

AuditKind = Literal["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"]
AuditStatus = Literal["queued", "running", "completed", "not_measured", "failed"]
Severity = Literal["note", "warning", "error"]

RepositoryName = Annotated[ResourceName, Field(examples=["shop"])]
GivenRepositoryName = Annotated[GivenResourceName, Field(examples=["shop"])]
CloneUrl = Annotated[str, Field(examples=["https://git.example.org/acme/shop.git"])]
GivenCloneUrl = Annotated[CloneUrl, Field(max_length=2_000)]
ShownCommit = Annotated[str, Field(examples=["c0ffee254729296a45a3885639ac7e10f9d54979"])]


class Repository(Shown):
    """A repository."""

    id: Id
    name: RepositoryName
    url: Annotated[CloneUrl, Field(description="Empty = bundles are uploaded.")]
    head_commit: Annotated[ShownCommit, Field(description="Commit of the newest bundle or clone; empty = none yet.")]
    created_at: datetime | None
    updated_at: datetime | None
    etag: Etag


class RepositoryPage(PageOf[Repository]):
    """Repositories of the organisation, newest first."""


class NewRepository(Body):
    """The repository to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop"}]})

    name: GivenRepositoryName
    url: Annotated[
        GivenCloneUrl | None, Field(description="https URL to clone from; absent = bundles are uploaded.")
    ] = None


class RepositoryChange(Body):
    """What shall change; what is absent stays."""

    url: Annotated[
        GivenCloneUrl | None, Field(description="https URL to clone from; empty = bundles are uploaded.")
    ] = None


class UploadedBundle(Shown):
    """What a bundle holds."""

    repository_id: Id
    digest: Annotated[Digest, Field(description="sha256: and the digest of the file.")]
    head_commit: ShownCommit
    size_bytes: Annotated[int, Field(examples=[1_048_576])]


class Skipped(Shown):
    """Files that were left out for one reason."""

    reason: Annotated[str, Field(examples=["binary"])]
    files: int


class AuditResult(Shown):
    """One of the eight."""

    kind: AuditKind | None
    status: Annotated[AuditStatus | None, Field(examples=["completed"])]
    score: Annotated[float | None, Field(description="0 to 100, 100 is best; null when not measured.", examples=[92.5])]
    reason: Annotated[str, Field(description="Why it was not measured; empty otherwise.", examples=[""])]
    findings: Annotated[int, Field(examples=[3])]
    duration_ms: Annotated[float | None, Field(examples=[840.0])]


class AuditRun(Shown):
    """Eight audits of one commit of one repository."""

    id: Id
    repository_id: Id
    repository_name: RepositoryName
    commit: ShownCommit
    status: Annotated[AuditStatus | None, Field(examples=["completed"])]
    reason: Annotated[str, Field(description="Why it failed; empty otherwise.", examples=[""])]
    audits: list[AuditResult]
    health: Annotated[float | None, Field(description="0 to 100 over the measured audits.", examples=[88.0])]
    findings: Annotated[int, Field(examples=[12])]
    files: Annotated[int, Field(examples=[140])]
    lines_of_code: Annotated[int, Field(examples=[18_200])]
    skipped: list[Skipped]
    created_at: datetime | None
    finished_at: datetime | None


class AuditRunPage(PageOf[AuditRun]):
    """Audit runs of the organisation, newest first."""


class NewAudit(Body):
    """The repository, and the commit to audit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"repository": "shop"}]})

    repository: Annotated[GivenReference, Field(examples=["shop"])]
    commit: Annotated[GivenCommit | None, Field(description="A full commit id; absent = the newest.")] = None


class Finding(Shown):
    """One finding."""

    id: Id
    kind: Annotated[AuditKind | None, Field(examples=["strict"])]
    rule: Annotated[str, Field(examples=["ruff/F821"])]
    severity: Annotated[Severity | None, Field(examples=["error"])]
    message: Annotated[str, Field(examples=["undefined name 'total'"])]
    path: Annotated[
        str, Field(description="Relative to the root; empty = the repository as a whole.", examples=["shop/cart.py"])
    ]
    line: Annotated[int, Field(description="From 1; 0 = the whole file.", examples=[41])]
    fingerprint: Annotated[str, Field(description="Stable when lines move.", examples=["5d41402abc4b2a76b9719d91"])]


class FindingPage(PageOf[Finding]):
    """Findings of an audit run, worst first."""
