"""An audit run: eight audits of one commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from assay_audit.domain.findings import Finding
from assay_audit.domain.kinds import MEASURED, NOT_YET, AuditKind, Status
from assay_audit.domain.scoring import health


@dataclass(frozen=True, slots=True)
class AuditResult:
    """One of the eight."""

    kind: AuditKind
    status: Status
    score: float | None = None
    reason: str = ""
    findings: int = 0
    duration_ms: float = 0.0

    @classmethod
    def not_measured(cls, kind: AuditKind, reason: str, duration_ms: float = 0.0) -> "AuditResult":
        """An audit that has no score, and why."""
        return cls(kind, Status.NOT_MEASURED, reason=reason, duration_ms=duration_ms)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in (Status.COMPLETED, Status.NOT_MEASURED)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one audit brought: its row, and its findings worst first."""

    result: AuditResult
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in the repository at the commit."""

    commit: str
    bundle_digest: str
    files: int
    lines_of_code: int
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class AuditRun:
    """The aggregate."""

    id: UUID
    repository_id: UUID
    repository_name: str
    commit: str
    created_at: datetime
    bundle_digest: str | None = None
    status: Status = Status.QUEUED
    reason: str = ""
    audits: list[AuditResult] = field(default_factory=list)
    health: float | None = None
    findings: int = 0
    files: int = 0
    lines_of_code: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    finished_at: datetime | None = None
    version: int = 1

    @classmethod
    def queue(
        cls, run_id: UUID, repository_id: UUID, name: str, commit: str, digest: str | None, *, at: datetime
    ) -> "AuditRun":
        """A new run: five audits wait for a worker, and three have no engines yet."""
        audits = [
            AuditResult(kind, Status.QUEUED) if kind in MEASURED else AuditResult.not_measured(kind, NOT_YET)
            for kind in AuditKind
        ]
        return cls(run_id, repository_id, name, commit, created_at=at, bundle_digest=digest, audits=audits)

    @property
    def ended(self) -> bool:
        """Whether it is COMPLETED or FAILED."""
        return self.status in (Status.COMPLETED, Status.FAILED)

    def prepare(self, contents: Contents) -> None:
        """Note what is to be audited; the audits may begin."""
        self.status = Status.RUNNING
        self.commit, self.bundle_digest = contents.commit, contents.bundle_digest
        self.files, self.lines_of_code = contents.files, contents.lines_of_code
        self.skipped = dict(contents.skipped)

    def complete(self, *, at: datetime) -> None:
        """End the run: all eight audits have ended."""
        scores = {audit.kind: audit.score for audit in self.audits if audit.score is not None}
        self.health = health(scores)
        self.findings = sum(audit.findings for audit in self.audits)
        self.status, self.finished_at = Status.COMPLETED, at
        self.version += 1

    def fail(self, reason: str, *, at: datetime) -> None:
        """End the run without result: the repository could not be read."""
        self.audits = [
            audit if audit.ended else AuditResult.not_measured(audit.kind, "the repository could not be read")
            for audit in self.audits
        ]
        self.status, self.reason, self.finished_at = Status.FAILED, reason, at
        self.version += 1
