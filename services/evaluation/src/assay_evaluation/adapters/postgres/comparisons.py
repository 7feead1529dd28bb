"""Comparisons and gate decisions on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

import asyncpg

from assay_evaluation.domain.comparison import Comparison, EvaluatorComparison, MetricComparison, Verdict
from assay_evaluation.domain.errors import ComparisonNotFound, GateDecisionNotFound
from assay_evaluation.domain.gate import GateDecision, Policy

_ADD = """
    INSERT INTO comparisons (id, org_id, baseline_run_id, candidate_run_id, prompt_id, prompt_name, baseline_version,
                             candidate_version, paired_items, unpaired_items, evaluators, metrics, primary_evaluator,
                             verdict, reason, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
_ADD_DECISION = """
    INSERT INTO gate_decisions (id, org_id, comparison_id, prompt_id, label, version, policy, allowed, reason,
                                decided_at, decided_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


class PostgresComparisons:
    """The comparisons and gate decisions of the transaction's organisation."""

    def __init__(self, connection: asyncpg.Connection, org_id: UUID) -> None:
        self._connection = connection
        self._org_id = org_id

    async def add(self, comparison: Comparison) -> None:
        """Store a comparison."""
        await self._connection.execute(
            _ADD,
            comparison.id,
            self._org_id,
            comparison.baseline_run_id,
            comparison.candidate_run_id,
            comparison.prompt_id,
            comparison.prompt_name,
            comparison.baseline_version,
            comparison.candidate_version,
            comparison.paired_items,
            comparison.unpaired_items,
            [asdict(evaluator) for evaluator in comparison.evaluators],
            [asdict(metric) for metric in comparison.metrics],
            comparison.primary_evaluator,
            comparison.verdict.value,
            comparison.reason,
            comparison.created_at,
            comparison.created_by,
        )

    async def get(self, comparison_id: UUID) -> Comparison:
        """One comparison. Raises ComparisonNotFound."""
        row = await self._connection.fetchrow("SELECT * FROM comparisons WHERE id = $1", comparison_id)
        if row is None:
            raise ComparisonNotFound.of(comparison_id)
        return _comparison(row)

    async def add_decision(self, decision: GateDecision) -> None:
        """Store a gate's decision."""
        await self._connection.execute(
            _ADD_DECISION,
            decision.id,
            self._org_id,
            decision.comparison_id,
            decision.prompt_id,
            decision.label,
            decision.version,
            decision.policy.value,
            decision.allowed,
            decision.reason,
            decision.decided_at,
            decision.decided_by,
        )

    async def get_decision(self, decision_id: UUID) -> GateDecision:
        """One decision. Raises GateDecisionNotFound."""
        row = await self._connection.fetchrow("SELECT * FROM gate_decisions WHERE id = $1", decision_id)
        if row is None:
            raise GateDecisionNotFound.of(decision_id)
        return _decision(row)


def _comparison(row: asyncpg.Record) -> Comparison:
    return Comparison(
        id=row["id"],
        baseline_run_id=row["baseline_run_id"],
        candidate_run_id=row["candidate_run_id"],
        prompt_id=row["prompt_id"],
        prompt_name=row["prompt_name"],
        baseline_version=row["baseline_version"],
        candidate_version=row["candidate_version"],
        paired_items=row["paired_items"],
        unpaired_items=row["unpaired_items"],
        evaluators=tuple(_evaluator_comparison(stored) for stored in row["evaluators"]),
        metrics=tuple(MetricComparison(**stored) for stored in row["metrics"]),
        primary_evaluator=row["primary_evaluator"],
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )


def _evaluator_comparison(stored: Mapping[str, Any]) -> EvaluatorComparison:
    return EvaluatorComparison(**{**stored, "verdict": Verdict(stored["verdict"])})


def _decision(row: asyncpg.Record) -> GateDecision:
    return GateDecision(
        id=row["id"],
        comparison_id=row["comparison_id"],
        prompt_id=row["prompt_id"],
        label=row["label"],
        version=row["version"],
        policy=Policy(row["policy"]),
        allowed=row["allowed"],
        reason=row["reason"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
    )
