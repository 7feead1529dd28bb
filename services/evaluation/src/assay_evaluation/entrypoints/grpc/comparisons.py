"""ComparisonService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assay.evaluation.v1 import comparisons_pb2, comparisons_pb2_grpc
from assay_common.errors import Violation
from assay_common.identity import member
from assay_evaluation.application.compare_runs import CompareRuns
from assay_evaluation.application.decide_gate import DecideGate
from assay_evaluation.application.read import GetComparison, GetGateDecision
from assay_evaluation.domain.errors import ComparisonNotFound, GateDecisionNotFound, MalformedGate, RunNotFound
from assay_evaluation.domain.gate import Policy
from assay_evaluation.entrypoints.grpc.reading import Context, id_of, required
from assay_evaluation.messages import POLICIES, comparison_message, decision_message

_POLICIES: Final = {comparisons_pb2.GATE_POLICY_UNSPECIFIED: Policy.BETTER} | {
    number: policy for policy, number in POLICIES.items()
}


@dataclass(frozen=True, slots=True)
class ComparisonServicer(comparisons_pb2_grpc.ComparisonServiceServicer):
    """The RPCs of assay.evaluation.v1.ComparisonService; the proto says what each is for."""

    compare_runs: CompareRuns
    get_comparison: GetComparison
    decide_gate: DecideGate
    get_gate_decision: GetGateDecision

    async def CreateComparison(
        self, request: comparisons_pb2.CreateComparisonRequest, context: Context
    ) -> comparisons_pb2.Comparison:
        """Compare two completed runs item by item."""
        comparison = await self.compare_runs(
            member(),
            id_of("baseline_run_id", request.baseline_run_id, RunNotFound),
            id_of("candidate_run_id", request.candidate_run_id, RunNotFound),
            request.primary_evaluator,
        )
        return comparison_message(comparison)

    async def GetComparison(
        self, request: comparisons_pb2.GetComparisonRequest, context: Context
    ) -> comparisons_pb2.Comparison:
        """One comparison."""
        comparison = await self.get_comparison(member(), id_of("id", request.id, ComparisonNotFound))
        return comparison_message(comparison)

    async def DecideGate(
        self, request: comparisons_pb2.DecideGateRequest, context: Context
    ) -> comparisons_pb2.GateDecision:
        """Decide whether a label may move to the candidate's version."""
        if request.policy not in _POLICIES:
            problem = Violation("policy", "must be BETTER or NOT_WORSE")
            raise MalformedGate("the gate does not know this policy", problem)
        decision = await self.decide_gate(
            member(),
            id_of("comparison_id", request.comparison_id, ComparisonNotFound),
            required("label", request.label),
            _POLICIES[request.policy],
        )
        return decision_message(decision)

    async def GetGateDecision(
        self, request: comparisons_pb2.GetGateDecisionRequest, context: Context
    ) -> comparisons_pb2.GateDecision:
        """One decision of a gate."""
        decision = await self.get_gate_decision(member(), id_of("id", request.id, GateDecisionNotFound))
        return decision_message(decision)
