"""Decide a gate."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id
from assay_evaluation.application.find import comparison_to_read
from assay_evaluation.application.ports import Prompts, UnitOfWork
from assay_evaluation.domain.access import ensure_may_move_label, private_to
from assay_evaluation.domain.events import GateDecided
from assay_evaluation.domain.gate import GateDecision, Policy, decide


@dataclass(frozen=True, slots=True)
class DecideGate:
    """Hold a comparison against a policy, and announce the answer; whoever owns the label moves it.

    Only who may move the label may ask: others would be told that it moves, and it would not.
    """

    uow: UnitOfWork
    prompts: Prompts
    clock: Clock

    async def __call__(self, caller: Principal, comparison_id: UUID, label: str, policy: Policy) -> GateDecision:
        """Raises ComparisonNotFound, MalformedGate or PromptReadOnly, and what the service of prompts refuses."""
        async with self.uow(caller.tenant) as tx:
            comparison = await comparison_to_read(tx, caller, comparison_id)
        decision = decide(new_id(), comparison, label, policy, by=caller.acts_for, at=self.clock())
        ensure_may_move_label(await self.prompts.shared(comparison.prompt_id), caller)
        async with self.uow(caller.tenant) as tx:
            await tx.comparisons.add_decision(decision)
            runs = await tx.runs.some([comparison.baseline_run_id, comparison.candidate_run_id])
            await tx.announce([GateDecided(decision, private_to(*runs, by=caller.acts_for))])
        return decision
