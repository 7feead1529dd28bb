"""Comparisons of runs, and the gates that depend on them."""

from __future__ import annotations

from assay.evaluation.v1 import comparisons_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.evaluations import Comparison, GateDecision, GateQuestion, NewComparison
from assay_gateway.messages import Json, numbers_of, to_json

router = api_router("/v1/comparisons", "comparisons")
decisions = api_router("/v1/gate-decisions", "comparisons")

_POLICIES = numbers_of(pb.GatePolicy)


@router.post(
    "", status_code=201, response_model=Comparison, responses=problems(400, 409, 413, 415), openapi_extra={"x-cost": 5}
)
async def create_comparison(body: NewComparison, services: TheServices) -> Json:
    """Compare two completed runs over the same dataset version, item by item."""
    request = pb.CreateComparisonRequest(
        baseline_run_id=body.baseline_run_id,
        candidate_run_id=body.candidate_run_id,
        primary_evaluator=body.primary_evaluator or "",
    )
    return to_json(await services.comparisons.CreateComparison(request))


@router.get("/{comparison_id}", response_model=Comparison)
async def get_comparison(comparison_id: InId, services: TheServices) -> Json:
    """One comparison."""
    return to_json(await services.comparisons.GetComparison(pb.GetComparisonRequest(id=comparison_id)))


@router.post(
    "/{comparison_id}/gate", status_code=201, response_model=GateDecision, responses=problems(400, 409, 413, 415)
)
async def decide_gate(comparison_id: InId, body: GateQuestion, services: TheServices) -> Json:
    """Ask whether a label may move to the candidate's version; when allowed, it is moved. No is an answer too."""
    request = pb.DecideGateRequest(comparison_id=comparison_id, label=body.label, policy=_POLICIES[body.policy])
    return to_json(await services.comparisons.DecideGate(request))


@decisions.get("/{decision_id}", response_model=GateDecision)
async def get_gate_decision(decision_id: InId, services: TheServices) -> Json:
    """One decision of a gate."""
    return to_json(await services.comparisons.GetGateDecision(pb.GetGateDecisionRequest(id=decision_id)))
