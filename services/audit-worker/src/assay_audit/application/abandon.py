"""End what a run waits for when nobody could do a task.

Done twice, or beside another worker that does the task after all, it changes nothing more.
"""

from dataclasses import dataclass
from uuid import UUID

from assay_audit.application.ending import fail_queued, store_measured
from assay_audit.application.metrics import MEASUREMENTS, PREPARATIONS
from assay_audit.application.ports import UnitOfWork
from assay_audit.domain.kinds import AuditKind
from assay_audit.domain.run import AuditResult, Measured
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class AbandonPreparation:
    """Without its preparation a run has nothing to audit: it ends as FAILED, with the reason."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, audit_id: UUID, reason: str) -> None:
        """Raises AuditNotFound."""
        async with self.uow(org_id) as tx:
            await fail_queued(tx, await tx.runs.get(audit_id), reason, at=self.clock())
        PREPARATIONS.labels("failed").inc()


@dataclass(frozen=True, slots=True)
class AbandonAudit:
    """One audit is NOT_MEASURED, with the reason; the others count, and end the run."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, audit_id: UUID, kind: AuditKind, reason: str) -> None:
        """Raises AuditNotFound."""
        async with self.uow(org_id) as tx:
            run = await tx.runs.get(audit_id)
            await store_measured(tx, run, Measured(AuditResult.not_measured(kind, reason)), at=self.clock())
        MEASUREMENTS.labels(kind.word, "given_up").inc()
