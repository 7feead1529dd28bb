"""The gate: whether a label may move to the candidate's version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from assay_common.errors import Violation
from assay_evaluation.domain.comparison import Comparison, Verdict
from assay_evaluation.domain.errors import MalformedGate
from assay_evaluation.domain.names import problem_with_label


class Policy(StrEnum):
    """What a gate asks for."""

    BETTER = "better"
    """Only a better candidate passes."""
    NOT_WORSE = "not_worse"
    """Any candidate that is not worse passes."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The gate's answer."""

    id: UUID
    comparison_id: UUID
    prompt_id: UUID
    label: str
    version: int
    policy: Policy
    allowed: bool
    reason: str
    decided_at: datetime
    decided_by: UUID


def decide(
    decision_id: UUID, comparison: Comparison, label: str, policy: Policy, *, by: UUID, at: datetime
) -> GateDecision:
    """Hold a comparison against a policy. Where no item was measured in both runs, nothing passes.

    Raises:
        MalformedGate: no prompt can have such a label.
    """
    if problem := problem_with_label(label):
        raise MalformedGate("the gate cannot move this label", Violation("label", problem))
    allowed, why = _answer(comparison, policy)
    return GateDecision(
        id=decision_id,
        comparison_id=comparison.id,
        prompt_id=comparison.prompt_id,
        label=label,
        version=comparison.candidate_version,
        policy=policy,
        allowed=allowed,
        reason=f"{why} {comparison.reason}",
        decided_at=at,
        decided_by=by,
    )


def _answer(comparison: Comparison, policy: Policy) -> tuple[bool, str]:
    version = f"version {comparison.candidate_version}"
    if comparison.paired_items == 0:
        return False, f"Refused: nothing is known of {version}, as no item was measured in both runs."
    match comparison.verdict, policy:
        case Verdict.BETTER, _:
            return True, f"Allowed: {version} is better."
        case Verdict.WORSE, _:
            return False, f"Refused: {version} is worse."
        case _, Policy.NOT_WORSE:
            return True, f"Allowed: there is no evidence that {version} is worse."
        case _:
            return False, f"Refused: there is no evidence that {version} is better."
