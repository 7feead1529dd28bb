"""The workers' task: measure some items of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from assay_common.clock import Clock
from assay_evaluation.application.ask_model import Asked, AskModel
from assay_evaluation.application.metrics import ITEMS, TOKENS
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.application.score_answers import score_answers
from assay_evaluation.application.store_results import store_results
from assay_evaluation.domain.evaluators import Answer, Embed, Score
from assay_evaluation.domain.runs import ItemResult, PendingItem, Run, RunStatus, Usage

WATCH_SECONDS: Final = 1.0
"""How soon a worker notices that a run was cancelled."""


@dataclass(frozen=True, slots=True)
class EvaluateItems:
    """Ask the model for the items that have no result yet, score the answers, and store both.

    Done twice it changes nothing, so that a task may be delivered again after a worker died.
    """

    uow: UnitOfWork
    ask: AskModel
    embed: Embed
    clock: Clock
    slots: asyncio.Semaphore
    """Requests to models that this process makes at once."""

    async def __call__(self, org_id: UUID, run_id: UUID, indexes: Sequence[int]) -> None:
        """Raises RunNotFound."""
        async with self.uow(org_id) as tx:
            run = await tx.runs.get(run_id)
            if run.status.is_final:
                return
            await tx.runs.start(run)
            pending = await tx.runs.pending(run, indexes)
        if not pending:
            return
        await self.ask.prepare()
        asked = await self._ask_unless_cancelled(org_id, run, pending)
        if not asked:
            return
        scored = await asyncio.to_thread(self._scored, run, pending, asked)
        at = self.clock()
        results = [
            _result(item, outcome, scores, at) for item, outcome, scores in zip(pending, asked, scored, strict=True)
        ]
        async with self.uow(org_id) as tx:
            await store_results(tx, run.id, results, at=at)
        _count(run.model, asked)

    async def _ask_unless_cancelled(self, org_id: UUID, run: Run, pending: Sequence[PendingItem]) -> list[Asked]:
        """What came of every item; nothing when the run was cancelled meanwhile."""
        asking = asyncio.create_task(self._ask_all(run, pending))
        watching = asyncio.create_task(self._until_cancelled(org_id, run))
        try:
            await asyncio.wait([asking, watching], return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                await watching  # raises when the database went away
                return []
            return await asking
        finally:
            asking.cancel()
            watching.cancel()
            await asyncio.gather(asking, watching, return_exceptions=True)

    async def _ask_all(self, run: Run, pending: Sequence[PendingItem]) -> list[Asked]:
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._ask(run, item)) for item in pending]
        return [task.result() for task in asking]

    async def _ask(self, run: Run, item: PendingItem) -> Asked:
        async with self.slots:
            return await self.ask(run.model, item.messages, run.parameters)

    async def _until_cancelled(self, org_id: UUID, run: Run) -> None:
        status = run.status
        while status is not RunStatus.CANCELLED:
            await asyncio.sleep(WATCH_SECONDS)
            async with self.uow(org_id) as tx:
                status = (await tx.runs.get(run.id)).status

    def _scored(self, run: Run, pending: Sequence[PendingItem], asked: Sequence[Asked]) -> list[tuple[Score, ...]]:
        answers = [
            Answer(outcome.reply.text, item.expected)
            for item, outcome in zip(pending, asked, strict=True)
            if outcome.reply
        ]
        scores = iter(score_answers(run.evaluators, answers, self.embed))
        return [next(scores) if outcome.reply else () for outcome in asked]


def _count(model: str, asked: Sequence[Asked]) -> None:
    for each in asked:
        ITEMS.labels(model, "unmeasured" if each.reply is None else "measured").inc()
        if each.reply is not None:
            TOKENS.labels(model, "input").inc(each.reply.input_tokens)
            TOKENS.labels(model, "output").inc(each.reply.output_tokens)


def _result(item: PendingItem, asked: Asked, scores: tuple[Score, ...], at: datetime) -> ItemResult:
    if asked.reply is None:
        return ItemResult.unmeasured(item.index, asked.reason, at=at, attempts=asked.attempts)
    reply = asked.reply
    usage = Usage(reply.latency_ms, reply.input_tokens, reply.output_tokens, reply.cost_usd)
    return ItemResult(item.index, reply.text, scores, "", usage, asked.attempts, at)
