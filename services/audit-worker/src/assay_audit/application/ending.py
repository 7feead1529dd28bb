"""How a run comes to its end, whoever brings it about; what has ended stays as it is."""

from datetime import datetime

from assay_audit.application.ports import Transaction
from assay_audit.domain.kinds import Status
from assay_audit.domain.run import AuditRun, Measured


async def fail_queued(tx: Transaction, run: AuditRun, reason: str, *, at: datetime) -> None:
    """End the run as FAILED, unless it was prepared or ended meanwhile."""
    current = await tx.runs.get(run.id, for_update=True)
    if current.status is Status.QUEUED:
        current.fail(reason, at=at)
        await tx.runs.ended(current)


async def store_measured(tx: Transaction, run: AuditRun, measured: Measured, *, at: datetime) -> None:
    """Store one audit's result, if it has none; the one who stores the last ends the run."""
    if await tx.runs.store(run.id, run.repository_id, measured):
        current = await tx.runs.get(run.id)
        current.complete(at=at)
        await tx.runs.ended(current)
