"""Runs and results as rows and JSON columns, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from assay_common.visibility import Visibility
from assay_evaluation.domain.evaluators import Evaluator, EvaluatorKind, Score
from assay_evaluation.domain.runs import (
    ItemResult,
    Message,
    Parameters,
    Progress,
    Run,
    RunStatus,
    Summary,
    Totals,
    Usage,
)


def run_from(row: asyncpg.Record) -> Run:
    """A row of `runs` with its evaluators aggregated in a column."""
    evaluators = [_evaluator(stored) for stored in row["evaluators"]]
    return Run(
        id=row["id"],
        prompt_id=row["prompt_id"],
        prompt_name=row["prompt_name"],
        prompt_version=row["prompt_version"],
        dataset_id=row["dataset_id"],
        dataset_name=row["dataset_name"],
        dataset_version=row["dataset_version"],
        model=row["model"],
        parameters=_parameters(row["parameters"]),
        evaluators=tuple(evaluators),
        status=RunStatus(row["status"]),
        progress=Progress(row["total"], row["measured"], row["unmeasured"]),
        summaries=tuple(map(_summary, evaluators, row["evaluators"])),
        totals=Totals(
            row["input_tokens"], row["output_tokens"], row["cost_usd"], row["latency_p50_ms"], row["latency_p95_ms"]
        ),
        created_at=row["created_at"],
        created_by=row["created_by"],
        visibility=Visibility(row["visibility"]),
        finished_at=row["finished_at"],
    )


def _evaluator(stored: Mapping[str, Any]) -> Evaluator:
    return Evaluator(stored["name"], EvaluatorKind(stored["kind"]), stored["config"])


def _summary(evaluator: Evaluator, stored: Mapping[str, Any]) -> Summary:
    passed = stored["passed"] if evaluator.kind.is_pass_fail else None
    return Summary(evaluator.name, stored["measured"], stored["score_sum"], passed)


def parameters_to(parameters: Parameters) -> dict[str, Any]:
    """Parameters as JSON."""
    return {
        "max_tokens": parameters.max_tokens,
        "temperature": parameters.temperature,
        "seed": parameters.seed,
        "stop": list(parameters.stop),
    }


def _parameters(stored: Mapping[str, Any]) -> Parameters:
    return Parameters(stored["max_tokens"], stored["temperature"], stored["seed"], tuple(stored["stop"]))


def messages_to(messages: Sequence[Message]) -> str:
    """Messages as the text of JSON: in an array of JSON values a list would be taken for another dimension."""
    return _text_of([{"role": message.role, "content": message.content} for message in messages])


def messages_from(stored: Sequence[Mapping[str, str]]) -> tuple[Message, ...]:
    """Messages from JSON."""
    return tuple(Message(message["role"], message["content"]) for message in stored)


def scores_to(scores: Sequence[Score]) -> str:
    """Scores as the text of JSON."""
    return _text_of(
        [
            {
                "evaluator": score.evaluator,
                "score": score.value,
                "passed": score.passed,
                "unmeasured_reason": score.unmeasured_reason,
            }
            for score in scores
        ]
    )


def _text_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def scores_from(stored: Sequence[Mapping[str, Any]]) -> tuple[Score, ...]:
    """Scores from JSON."""
    return tuple(
        Score(score["evaluator"], score["score"], score["passed"], score["unmeasured_reason"]) for score in stored
    )


def result_from(row: asyncpg.Record) -> ItemResult:
    """A row of `results`."""
    return ItemResult(
        index=row["index"],
        output=row["output"],
        scores=scores_from(row["scores"]),
        unmeasured_reason=row["unmeasured_reason"],
        usage=Usage(row["latency_ms"], row["input_tokens"], row["output_tokens"], row["cost_usd"]),
        attempts=row["attempts"],
        completed_at=row["completed_at"],
    )
