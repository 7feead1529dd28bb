"""The domain's things as messages of the contracts, in which RPCs answer and events tell."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from assay.audit.v1 import audits_pb2, repositories_pb2
from assay_audit.domain.findings import Finding
from assay_audit.domain.kinds import AuditKind, Severity, Status
from assay_audit.domain.repository import Bundle, Repository
from assay_audit.domain.run import AuditResult, AuditRun

KINDS: Final[Mapping[AuditKind, "audits_pb2.AuditKind.ValueType"]] = {
    kind: audits_pb2.AuditKind.Value(f"AUDIT_KIND_{kind.name}") for kind in AuditKind
}
STATUSES: Final[Mapping[Status, "audits_pb2.AuditStatus.ValueType"]] = {
    status: audits_pb2.AuditStatus.Value(f"AUDIT_STATUS_{status.name}") for status in Status
}
SEVERITIES: Final[Mapping[Severity, "audits_pb2.Severity.ValueType"]] = {
    severity: audits_pb2.Severity.Value(f"SEVERITY_{severity.name}") for severity in Severity
}


def repository_message(repository: Repository) -> repositories_pb2.Repository:
    """A repository."""
    return repositories_pb2.Repository(
        id=str(repository.id),
        name=repository.name,
        url=repository.url,
        head_commit=repository.head_commit,
        created_at=_timestamp(repository.created_at),
        updated_at=_timestamp(repository.updated_at),
        etag=repository.etag,
    )


def bundle_message(bundle: Bundle) -> repositories_pb2.UploadedBundle:
    """A bundle that was taken."""
    return repositories_pb2.UploadedBundle(
        repository_id=str(bundle.repository_id),
        digest=f"sha256:{bundle.digest}",
        head_commit=bundle.head_commit,
        size_bytes=bundle.size_bytes,
    )


def run_message(run: AuditRun) -> audits_pb2.AuditRun:
    """An audit run, its eight audits in the order of their kinds."""
    return audits_pb2.AuditRun(
        id=str(run.id),
        repository_id=str(run.repository_id),
        repository_name=run.repository_name,
        commit=run.commit,
        status=STATUSES[run.status],
        reason=run.reason,
        audits=[result_message(audit) for audit in sorted(run.audits, key=lambda audit: audit.kind)],
        health=run.health,
        findings=run.findings,
        files=run.files,
        lines_of_code=run.lines_of_code,
        skipped=[audits_pb2.Skipped(reason=reason, files=files) for reason, files in sorted(run.skipped.items())],
        created_at=_timestamp(run.created_at),
        finished_at=_timestamp(run.finished_at) if run.finished_at else None,
    )


def result_message(result: AuditResult) -> audits_pb2.AuditResult:
    """One of the eight."""
    return audits_pb2.AuditResult(
        kind=KINDS[result.kind],
        status=STATUSES[result.status],
        score=result.score,
        reason=result.reason,
        findings=result.findings,
        duration_ms=result.duration_ms,
    )


def finding_message(finding_id: UUID, finding: Finding) -> audits_pb2.Finding:
    """One finding."""
    return audits_pb2.Finding(
        id=str(finding_id),
        kind=KINDS[finding.kind],
        rule=finding.rule,
        severity=SEVERITIES[finding.severity],
        message=finding.message,
        path=finding.path,
        line=finding.line,
        fingerprint=finding.fingerprint,
    )


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
