"""Store results, the run's progress and the news of both in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from assay_evaluation.application.ports import Transaction
from assay_evaluation.domain.access import private_to
from assay_evaluation.domain.events import Event, ItemsMeasured, RunCompleted
from assay_evaluation.domain.runs import Batch, ItemResult, Run, RunStatus, summarised


async def store_results(tx: Transaction, run_id: UUID, results: Sequence[ItemResult], *, at: datetime) -> Run:
    """Store what is new among the results; the one who stores the last completes the run.

    An item keeps its first result, and a run that has ended stays as it is, so that doing this twice changes nothing.
    Raises RunNotFound.
    """
    run = await tx.runs.get(run_id, for_update=True)
    if run.status.is_final:
        return run
    new = await tx.runs.add_results(run, results)
    if not new:
        return run
    batch = Batch.of(new)
    run = await tx.runs.advance(run, batch, summarised(run.evaluators, new), at=at)
    news: list[Event] = [ItemsMeasured(run.id, run.prompt_id, run.model, batch, run.progress, private_to(run))]
    if run.status is RunStatus.COMPLETED:
        news.append(RunCompleted(run))
    await tx.announce(news)
    return run
