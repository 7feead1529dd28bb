"""From an evaluator to its judge, and from answers to scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from assay_evaluation.domain.evaluators.config import Config
from assay_evaluation.domain.evaluators.embedding import EmbeddingSimilarity
from assay_evaluation.domain.evaluators.json_schema import MatchesSchema
from assay_evaluation.domain.evaluators.kinds import Answer, Embed, Evaluator, EvaluatorKind, Judge, Score, Verdict
from assay_evaluation.domain.evaluators.pattern import RegexSearch
from assay_evaluation.domain.evaluators.text import Contains, ExactMatch
from assay_evaluation.domain.evaluators.token_f1 import TokenF1

_JUDGES: Final[Mapping[EvaluatorKind, Callable[[Config], Judge]]] = {
    EvaluatorKind.EXACT_MATCH: ExactMatch.configured,
    EvaluatorKind.CONTAINS: Contains.configured,
    EvaluatorKind.REGEX: RegexSearch.configured,
    EvaluatorKind.JSON_SCHEMA: MatchesSchema.configured,
    EvaluatorKind.TOKEN_F1: TokenF1.configured,
    EvaluatorKind.EMBEDDING_SIMILARITY: EmbeddingSimilarity.configured,
}

_NO_EXPECTED: Final = Verdict(unmeasured_reason="the item has no expected answer")


def judge_for(evaluator: Evaluator) -> Judge:
    """The judge that an evaluator's kind and configuration make; raises ConfigError, saying what is wrong."""
    config = Config(evaluator.config)
    judge = _JUDGES[evaluator.kind](config)
    config.done()
    return judge


def score(evaluator: Evaluator, answers: Sequence[Answer], embed: Embed) -> list[Score]:
    """One score an answer, in the same order. Blocks: call it in a thread."""
    judge = judge_for(evaluator)
    judged = [answer for answer in answers if answer.expected is not None or not judge.needs_expected]
    verdicts = iter(judge(judged, embed) if judged else ())
    return [
        _named(evaluator, next(verdicts) if answer.expected is not None or not judge.needs_expected else _NO_EXPECTED)
        for answer in answers
    ]


def unmeasured(evaluator: Evaluator, count: int, reason: str) -> list[Score]:
    """What is said of `count` answers when the evaluator could not measure any."""
    return [Score(evaluator.name, unmeasured_reason=reason)] * count


def _named(evaluator: Evaluator, verdict: Verdict) -> Score:
    return Score(evaluator.name, verdict.value, verdict.passed, verdict.unmeasured_reason)
