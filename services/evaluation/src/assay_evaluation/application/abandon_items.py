"""End what a run waits for when nobody could do a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_evaluation.application.metrics import ITEMS
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.application.store_results import store_results
from assay_evaluation.domain.runs import ItemResult


@dataclass(frozen=True, slots=True)
class AbandonItems:
    """Store why the items of a task have no answer, so that their run comes to its end.

    Items keep the result that they have, and runs that have ended stay as they are: done twice, or beside another
    worker that does the task after all, it changes nothing more.
    """

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, run_id: UUID, indexes: Sequence[int], reason: str) -> None:
        """Raises RunNotFound."""
        at = self.clock()
        async with self.uow(org_id) as tx:
            run = await tx.runs.get(run_id, for_update=True)
            waiting = await tx.runs.waiting(run, indexes)
            if run.status.is_final or not waiting:
                return
            await store_results(tx, run_id, [ItemResult.unmeasured(index, reason, at=at) for index in waiting], at=at)
        ITEMS.labels(run.model, "unmeasured").inc(len(waiting))
