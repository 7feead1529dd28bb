"""The words of scoring: evaluators, answers, scores, and what a judge is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class EvaluatorKind(StrEnum):
    """How an answer is scored."""

    EXACT_MATCH = "exact_match"
    CONTAINS = "contains"
    REGEX = "regex"
    JSON_SCHEMA = "json_schema"
    TOKEN_F1 = "token_f1"  # noqa: S105 - a token is a word here
    EMBEDDING_SIMILARITY = "embedding_similarity"

    @property
    def is_pass_fail(self) -> bool:
        """Whether its scores are only 1 (passed) and 0 (failed)."""
        return self not in (EvaluatorKind.TOKEN_F1, EvaluatorKind.EMBEDDING_SIMILARITY)


@dataclass(frozen=True, slots=True)
class Evaluator:
    """One evaluator of a run; its name is unique there."""

    name: str
    kind: EvaluatorKind
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and what was hoped for."""

    output: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """What one evaluator said of one answer: a score, or why there is none."""

    evaluator: str
    value: float | None = None
    passed: bool | None = None
    """For pass/fail evaluators only."""
    unmeasured_reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's word on one answer, without its name."""

    value: float | None = None
    passed: bool | None = None
    unmeasured_reason: str = ""

    @classmethod
    def of(cls, passed: bool) -> Verdict:
        """Pass or fail, as 1 or 0."""
        return cls(value=float(passed), passed=passed)


Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Turns texts into vectors of length 1; blocks."""


class Judge(Protocol):
    """Scores answers by one configured rule. Blocks, for as long as its rule takes."""

    @property
    def needs_expected(self) -> bool:
        """Whether an answer without an expected one cannot be scored."""

    def __call__(self, answers: Sequence[Answer], embed: Embed, /) -> Sequence[Verdict]:
        """One verdict an answer, in the same order."""
