"""Compare two runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id
from assay_evaluation.application.find import run_to_read
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.access import private_to
from assay_evaluation.domain.comparison import Comparison, check_comparable, common_evaluators, compare
from assay_evaluation.domain.events import ComparisonCreated


@dataclass(frozen=True, slots=True)
class CompareRuns:
    """Compare two completed runs over the same dataset version, item by item, and announce the result."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, baseline_id: UUID, candidate_id: UUID, primary: str) -> Comparison:
        """An empty `primary` means the candidate's first evaluator.

        Raises RunNotFound, MalformedComparison, RunNotCompleted, RunsNotComparable, NoCommonEvaluator or
        UnknownEvaluator.
        """
        async with self.uow(caller.tenant) as tx:
            baseline = await run_to_read(tx, caller, baseline_id)
            candidate = await run_to_read(tx, caller, candidate_id)
            check_comparable(baseline, candidate)
            common_evaluators(baseline, candidate, primary)
            pairs = await tx.runs.pairs(baseline, candidate)
        # Completed runs do not change any more, so the connection need not wait for the arithmetic.
        comparison = await asyncio.to_thread(
            compare, new_id(), baseline, candidate, pairs, primary, by=caller.acts_for, at=self.clock()
        )
        async with self.uow(caller.tenant) as tx:
            await tx.comparisons.add(comparison)
            told = private_to(baseline, candidate, by=caller.acts_for)
            await tx.announce([ComparisonCreated(comparison, told)])
        return comparison
