"""Cancel a run."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_evaluation.application.find import run_to_change
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.errors import RunAlreadyFinished
from assay_evaluation.domain.events import RunCancelled
from assay_evaluation.domain.runs import Run, RunStatus


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Stop a run and announce it: what is done stays, what is not is never asked. Cancelling twice is once."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, run_id: UUID) -> Run:
        """Raises RunNotFound, RunReadOnly or RunAlreadyFinished."""
        async with self.uow(caller.tenant) as tx:
            run = await run_to_change(tx, caller, run_id)
            if run.status is RunStatus.CANCELLED:
                return run
            if run.status is RunStatus.COMPLETED:
                raise RunAlreadyFinished(f"run {run_id} is complete; nothing is left to stop", run=str(run_id))
            run = await tx.runs.cancel(run, at=self.clock())
            await tx.announce([RunCancelled(run)])
        return run
