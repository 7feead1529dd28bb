"""Score answers by a run's evaluators."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from assay_evaluation.domain.evaluators import Answer, Embed, Evaluator, Score, score, unmeasured

log = structlog.get_logger()


def score_answers(evaluators: Sequence[Evaluator], answers: Sequence[Answer], embed: Embed) -> list[tuple[Score, ...]]:
    """The scores of every answer in the evaluators' order. Takes processor time: call it in a thread.

    An evaluator that breaks measures nothing, and takes neither the others' scores nor the run with it.
    """
    columns = [_scores(evaluator, answers, embed) for evaluator in evaluators]
    return list(zip(*columns, strict=True))


def _scores(evaluator: Evaluator, answers: Sequence[Answer], embed: Embed) -> list[Score]:
    try:
        return score(evaluator, answers, embed)
    except Exception as error:
        log.exception("evaluator failed", evaluator=evaluator.name, kind=evaluator.kind.value)
        return unmeasured(evaluator, len(answers), f"the evaluator failed ({type(error).__name__})")
