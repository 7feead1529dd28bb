"""Decide a gate."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.ids import new_id
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.events import GateDecided
from assay_evaluation.domain.gate import GateDecision, Policy, decide


@dataclass(frozen=True, slots=True)
class DecideGate:
    """Hold a comparison against a policy, and announce the answer; whoever owns the label moves it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self, org_id: UUID, comparison_id: UUID, label: str, policy: Policy, *, by: UUID
    ) -> GateDecision:
        """Raises ComparisonNotFound or MalformedGate."""
        async with self.uow(org_id) as tx:
            comparison = await tx.comparisons.get(comparison_id)
            decision = decide(new_id(), comparison, label, policy, by=by, at=self.clock())
            await tx.comparisons.add_decision(decision)
            await tx.announce([GateDecided(decision)])
        return decision
