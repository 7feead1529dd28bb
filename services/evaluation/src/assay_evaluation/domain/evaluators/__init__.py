"""How answers are scored: one module a kind; `judge_for` turns an evaluator's configuration into its judge."""

from __future__ import annotations

from assay_evaluation.domain.evaluators.config import ConfigError
from assay_evaluation.domain.evaluators.kinds import Answer, Embed, Evaluator, EvaluatorKind, Score
from assay_evaluation.domain.evaluators.registry import judge_for, score, unmeasured

__all__ = ["Answer", "ConfigError", "Embed", "Evaluator", "EvaluatorKind", "Score", "judge_for", "score", "unmeasured"]
