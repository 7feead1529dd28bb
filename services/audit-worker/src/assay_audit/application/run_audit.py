"""Do one audit of a run."""

import time
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from assay_audit.application.analyst import Analyst
from assay_audit.application.audits import AUDITS
from assay_audit.application.audits.snapshot import NothingToMeasure, Snapshot
from assay_audit.application.ending import store_measured
from assay_audit.application.metrics import MEASUREMENT_SECONDS, MEASUREMENTS
from assay_audit.application.ports import Mirrors, UnitOfWork
from assay_audit.application.prepare_audit import UNREADABLE, FileLimits
from assay_audit.domain.files import take_inventory
from assay_audit.domain.findings import identified
from assay_audit.domain.kinds import AuditKind, Status
from assay_audit.domain.run import AuditResult, AuditRun, Measured
from assay_audit.domain.scoring import score
from assay_common.clock import Clock

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunAudit:
    """Measure one audit and store its result and findings once; the one that is last ends the run.

    Idempotent: a stored result is left alone. An engine that fails leaves the audit NOT_MEASURED with the reason.
    """

    uow: UnitOfWork
    mirrors: Mirrors
    analyst: Analyst
    limits: FileLimits
    max_findings: int
    """Findings kept of one audit: the worst. All are counted, and count for the score."""
    clock: Clock

    async def __call__(self, org_id: UUID, audit_id: UUID, kind: AuditKind) -> None:
        """Raises AuditNotFound or Unavailable."""
        async with self.uow(org_id) as tx:
            run = await tx.runs.get(audit_id)
            if not await tx.runs.begin_audit(audit_id, kind):
                return
        measured = await self._measure(org_id, run, kind)
        async with self.uow(org_id) as tx:
            await store_measured(tx, run, measured, at=self.clock())

    async def _measure(self, org_id: UUID, run: AuditRun, kind: AuditKind) -> Measured:
        began, outcome = time.perf_counter(), "measured"
        try:
            measured = await self._examine(org_id, run, kind)
        except NothingToMeasure as nothing:
            outcome = "nothing_to_measure"
            measured = Measured(AuditResult.not_measured(kind, f"nothing to measure: {nothing}"))
        except UNREADABLE as error:
            outcome = "failed"
            log.warning("audit not measured", audit_id=str(run.id), kind=kind.word, reason=error.message)
            measured = Measured(AuditResult.not_measured(kind, error.message))
        seconds = time.perf_counter() - began
        MEASUREMENTS.labels(kind.word, outcome).inc()
        MEASUREMENT_SECONDS.labels(kind.word).observe(seconds)
        took = round(seconds * 1000, 1)
        return replace(measured, result=replace(measured.result, duration_ms=took))

    async def _examine(self, org_id: UUID, run: AuditRun, kind: AuditKind) -> Measured:
        async with self.mirrors.lease(org_id, run.repository_id, run.bundle_digest or "") as mirror:
            entries = await mirror.tree(run.commit)
            inventory = take_inventory(entries, max_bytes=self.limits.max_bytes, max_files=self.limits.max_files)
            examined = await AUDITS[kind](Snapshot(org_id, run.id, mirror, run.commit, inventory, self.analyst))
        findings = identified(kind, examined.findings)
        value = score(kind, (finding.severity for finding in findings), examined.size)
        result = AuditResult(kind, Status.COMPLETED, score=value, findings=len(findings))
        return Measured(result, findings[: self.max_findings])
