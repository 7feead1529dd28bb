"""Whether a candidate run is better than a baseline, decided item by item over what both runs measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from assay_common.errors import Violation
from assay_evaluation.domain.errors import (
    MalformedComparison,
    NoCommonEvaluator,
    RunNotCompleted,
    RunsNotComparable,
    UnknownEvaluator,
)
from assay_evaluation.domain.evaluators import Evaluator
from assay_evaluation.domain.runs import Run, RunStatus, Usage
from assay_evaluation.domain.statistics import ALPHA, Difference, holm, mcnemar_exact, paired_bootstrap, seed_of

FEWEST_PAIRS: Final = 10
"""Below that many pairs the bootstrap knows too little of the spread, and no verdict is given."""

METRICS: Final = ("latency_ms", "input_tokens", "output_tokens", "cost_usd")


class Verdict(StrEnum):
    """What the statistics say of the candidate."""

    BETTER = "better"
    WORSE = "worse"
    NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run measured of one item: the scores that there are by evaluator, and the usage."""

    scores: Mapping[str, float]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Pair:
    """One item, measured in both runs."""

    baseline: Measured
    candidate: Measured


@dataclass(frozen=True, slots=True)
class EvaluatorComparison:
    """One evaluator's scores in both runs; the difference is candidate minus baseline."""

    evaluator: str
    paired_items: int
    baseline_mean: float
    candidate_mean: float
    difference: float
    ci_low: float
    ci_high: float
    mcnemar_p: float | None
    """For pass/fail evaluators only."""
    wins: int
    losses: int
    ties: int
    p: float
    """The significance level of the verdict: for pass/fail the larger of McNemar's and the bootstrap's, as both must
    agree."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One measured quantity in both runs; None when no item has it in both."""

    metric: str
    baseline_mean: float | None = None
    candidate_mean: float | None = None
    difference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, measured against each other."""

    id: UUID
    baseline_run_id: UUID
    candidate_run_id: UUID
    prompt_id: UUID
    prompt_name: str
    baseline_version: int
    candidate_version: int
    paired_items: int
    unpaired_items: int
    evaluators: tuple[EvaluatorComparison, ...]
    metrics: tuple[MetricComparison, ...]
    primary_evaluator: str
    verdict: Verdict
    reason: str
    created_at: datetime
    created_by: UUID


def check_comparable(baseline: Run, candidate: Run) -> None:
    """Refuse runs that do not measure the same thing.

    Raises:
        MalformedComparison: they are one and the same run.
        RunNotCompleted: one of them is queued, running or cancelled.
        RunsNotComparable: they are of different prompts, datasets or dataset versions.
    """
    if baseline.id == candidate.id:
        problem = Violation("candidate_run_id", "names the baseline's run; choose another")
        raise MalformedComparison("a run cannot be compared with itself", problem)
    for run in (baseline, candidate):
        if run.status is not RunStatus.COMPLETED:
            raise RunNotCompleted(
                f"run {run.id} is {run.status.value}; only completed runs can be compared",
                run=str(run.id),
                status=run.status.value,
            )
    if baseline.prompt_id != candidate.prompt_id:
        raise RunsNotComparable(
            f"the runs are of different prompts: {baseline.prompt_name} and {candidate.prompt_name}"
        )
    if (baseline.dataset_id, baseline.dataset_version) != (candidate.dataset_id, candidate.dataset_version):
        raise RunsNotComparable(
            f"the runs are over different items: {baseline.dataset_name} version {baseline.dataset_version} and "
            f"{candidate.dataset_name} version {candidate.dataset_version}"
        )


def common_evaluators(baseline: Run, candidate: Run, primary: str) -> tuple[tuple[Evaluator, ...], str]:
    """The evaluators that scored both runs by the same rule, and which of them decides.

    Without a wish the candidate's first decides.

    Raises:
        NoCommonEvaluator: there is none.
        UnknownEvaluator: the one that shall decide is not among them.
    """
    common = tuple(evaluator for evaluator in candidate.evaluators if evaluator in baseline.evaluators)
    if not common:
        raise NoCommonEvaluator("the runs share no evaluator of the same name, kind and configuration")
    names = [evaluator.name for evaluator in common]
    if primary and primary not in names:
        problem = Violation("primary_evaluator", f"must be one of {', '.join(names)}")
        raise UnknownEvaluator(f"no evaluator {primary!r} scored both runs by the same rule", problem)
    return common, primary or names[0]


def compare(
    comparison_id: UUID, baseline: Run, candidate: Run, pairs: Sequence[Pair], primary: str, *, by: UUID, at: datetime
) -> Comparison:
    """Compare two runs over the items measured in both. Takes seconds for large runs: call it in a thread.

    The verdict is the primary evaluator's, but WORSE if another evaluator says so after Holm's correction over those
    others: harm anywhere must be found, and looking at many evaluators must not find it by chance. Raises as
    `check_comparable` and `common_evaluators`.
    """
    check_comparable(baseline, candidate)
    evaluators, primary = common_evaluators(baseline, candidate, primary)
    seed = seed_of(baseline.id, candidate.id)
    compared = tuple(compare_evaluator(evaluator, pairs, seed) for evaluator in evaluators)
    verdict, reason = overall(compared, primary)
    return Comparison(
        id=comparison_id,
        baseline_run_id=baseline.id,
        candidate_run_id=candidate.id,
        prompt_id=candidate.prompt_id,
        prompt_name=candidate.prompt_name,
        baseline_version=baseline.prompt_version,
        candidate_version=candidate.prompt_version,
        paired_items=len(pairs),
        unpaired_items=candidate.progress.total - len(pairs),
        evaluators=compared,
        metrics=tuple(compare_metric(metric, pairs, seed) for metric in METRICS),
        primary_evaluator=primary,
        verdict=verdict,
        reason=" ".join([reason, *_cautions(baseline, candidate)]),
        created_at=at,
        created_by=by,
    )


def compare_evaluator(evaluator: Evaluator, pairs: Sequence[Pair], seed: int) -> EvaluatorComparison:
    """One evaluator over the items that it scored in both runs.

    BETTER or WORSE when the interval of the mean difference leaves out 0 and, for pass/fail evaluators, McNemar's
    exact p is below 0.05 as well; NO_EVIDENCE otherwise, and for fewer than FEWEST_PAIRS pairs.
    """
    scored = list(_scored(evaluator.name, pairs))
    if not scored:
        nothing = Difference(0.0, 0.0, 0.0, 1.0)
        return _evaluator_comparison(evaluator, [], nothing, 1.0 if evaluator.kind.is_pass_fail else None)
    difference = paired_bootstrap([after - before for before, after in scored], seed)
    wins, losses = _wins_and_losses(scored)
    p = mcnemar_exact(wins, losses) if evaluator.kind.is_pass_fail else None
    return _evaluator_comparison(evaluator, scored, difference, p)


def _scored(name: str, pairs: Sequence[Pair]) -> Iterator[tuple[float, float]]:
    for pair in pairs:
        before, after = pair.baseline.scores.get(name), pair.candidate.scores.get(name)
        if before is not None and after is not None:
            yield before, after


def _wins_and_losses(scored: Sequence[tuple[float, float]]) -> tuple[int, int]:
    return sum(after > before for before, after in scored), sum(after < before for before, after in scored)


def _evaluator_comparison(
    evaluator: Evaluator, scored: Sequence[tuple[float, float]], difference: Difference, mcnemar_p: float | None
) -> EvaluatorComparison:
    wins, losses = _wins_and_losses(scored)
    return EvaluatorComparison(
        evaluator=evaluator.name,
        paired_items=len(scored),
        baseline_mean=_mean([before for before, _ in scored]),
        candidate_mean=_mean([after for _, after in scored]),
        difference=difference.mean,
        ci_low=difference.low,
        ci_high=difference.high,
        mcnemar_p=mcnemar_p,
        wins=wins,
        losses=losses,
        ties=len(scored) - wins - losses,
        p=max(difference.p, mcnemar_p or 0.0),
        verdict=_verdict(len(scored), difference, mcnemar_p),
    )


def _verdict(pairs: int, difference: Difference, mcnemar_p: float | None) -> Verdict:
    if pairs < FEWEST_PAIRS or (mcnemar_p is not None and mcnemar_p >= ALPHA):
        return Verdict.NO_EVIDENCE
    if difference.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if difference.high < 0 else Verdict.NO_EVIDENCE


def compare_metric(metric: str, pairs: Sequence[Pair], seed: int) -> MetricComparison:
    """One quantity over the items that have it in both runs; it is reported, and decides nothing."""
    known: list[tuple[float, float]] = []
    for pair in pairs:
        before, after = getattr(pair.baseline.usage, metric), getattr(pair.candidate.usage, metric)
        if before is not None and after is not None:
            known.append((before, after))
    if not known:
        return MetricComparison(metric)
    difference = paired_bootstrap([after - before for before, after in known], seed)
    return MetricComparison(
        metric,
        baseline_mean=_mean([before for before, _ in known]),
        candidate_mean=_mean([after for _, after in known]),
        difference=difference.mean,
        ci_low=difference.low,
        ci_high=difference.high,
    )


def overall(compared: Sequence[EvaluatorComparison], primary: str) -> tuple[Verdict, str]:
    """The verdict over all evaluators, and why in a sentence or two."""
    decisive = next(one for one in compared if one.evaluator == primary)
    others = [one for one in compared if one.evaluator != primary]
    harm = [
        other
        for other, significant in zip(others, holm([other.p for other in others]), strict=True)
        if significant and other.verdict is Verdict.WORSE
    ]
    said = _sentence(decisive)
    if harm and decisive.verdict is not Verdict.WORSE:
        return Verdict.WORSE, f"{said} But {' '.join(_sentence(other) for other in harm)}"
    doubtful = [other for other in others if other.verdict is Verdict.WORSE and other not in harm]
    if doubtful:
        names = ", ".join(other.evaluator for other in doubtful)
        said += f" {names}: worse alone, but not beyond chance among {len(others)} evaluators."
    return decisive.verdict, said


def _sentence(one: EvaluatorComparison) -> str:
    if one.paired_items < FEWEST_PAIRS:
        return (
            f"{one.evaluator}: only {one.paired_items} items were scored in both runs; "
            f"fewer than {FEWEST_PAIRS} are no evidence."
        )
    numbers = f"{one.difference:+.3f}, 95 % interval {one.ci_low:+.3f} to {one.ci_high:+.3f}"
    if one.mcnemar_p is not None:
        numbers += f", McNemar's exact p = {one.mcnemar_p:.2g}"
    words = {Verdict.BETTER: "better", Verdict.WORSE: "worse", Verdict.NO_EVIDENCE: "no evidence of a difference"}
    return f"{one.evaluator}: {words[one.verdict]} ({numbers})."


def _cautions(baseline: Run, candidate: Run) -> Iterator[str]:
    if baseline.model != candidate.model:
        yield f"The runs used different models: {baseline.model} and {candidate.model}."
    elif baseline.parameters != candidate.parameters:
        yield "The runs used different parameters."


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
