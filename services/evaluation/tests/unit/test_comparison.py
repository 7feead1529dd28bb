from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_evaluation.domain.comparison import (
    METRICS,
    Measured,
    Pair,
    Verdict,
    common_evaluators,
    compare,
    compare_evaluator,
    overall,
)
from assay_evaluation.domain.errors import (
    MalformedComparison,
    MalformedGate,
    NoCommonEvaluator,
    RunNotCompleted,
    RunsNotComparable,
    UnknownEvaluator,
)
from assay_evaluation.domain.evaluators import Evaluator, EvaluatorKind
from assay_evaluation.domain.gate import Policy, decide
from assay_evaluation.domain.runs import Parameters, Progress, Run, RunStatus, Totals, Usage

AT = datetime(2026, 1, 1, tzinfo=UTC)
BY = uuid4()
SAME = Evaluator("same", EvaluatorKind.EXACT_MATCH, {})
F1 = Evaluator("f1", EvaluatorKind.TOKEN_F1, {})
NEAR = Evaluator("near", EvaluatorKind.EMBEDDING_SIMILARITY, {})


def a_run(*evaluators, total=20, **changes):
    run = Run(
        id=uuid4(),
        prompt_id=uuid4(),
        prompt_name="triage",
        prompt_version=1,
        dataset_id=uuid4(),
        dataset_name="mails",
        dataset_version=1,
        model="small",
        parameters=Parameters(),
        evaluators=evaluators or (SAME,),
        status=RunStatus.COMPLETED,
        progress=Progress(total, total),
        summaries=(),
        totals=Totals(),
        created_at=AT,
        created_by=BY,
        finished_at=AT,
    )
    return replace(run, **changes)


def two_runs(*evaluators, total=20, **changes):
    baseline = a_run(*evaluators, total=total)
    return baseline, replace(baseline, id=uuid4(), prompt_version=2, **changes)


def measured(cost=0.001, latency=100.0, **scores):
    return Measured(scores, Usage(latency, 10, 5, cost))


def pairs_of(name, before, after):
    return [Pair(measured(**{name: one}), measured(**{name: other})) for one, other in zip(before, after, strict=True)]


def compared(baseline, candidate, pairs, primary=""):
    return compare(uuid4(), baseline, candidate, pairs, primary, by=BY, at=AT)


def test_a_clear_gain_is_better():
    comparison = compared(*two_runs(), pairs_of("same", [0.0] * 15 + [1.0] * 5, [1.0] * 20))
    (same,) = comparison.evaluators
    assert (same.wins, same.losses, same.ties, same.paired_items) == (15, 0, 5, 20)
    assert (same.baseline_mean, same.candidate_mean, same.difference) == (0.25, 1.0, 0.75)
    assert same.mcnemar_p == pytest.approx(2 / 2**15)
    assert same.ci_low > 0.5
    assert (comparison.verdict, comparison.primary_evaluator) == (Verdict.BETTER, "same")
    assert comparison.reason.startswith("same: better (+0.750, 95 % interval +0.")
    assert (comparison.baseline_version, comparison.candidate_version) == (1, 2)


def test_pass_fail_needs_the_interval_and_mcnemar_to_agree():
    """Five wins and no loss: the interval leaves out 0, but 2/2^5 = 0.0625 is chance enough."""
    comparison = compared(*two_runs(), pairs_of("same", [0.0] * 5 + [1.0] * 15, [1.0] * 20))
    (same,) = comparison.evaluators
    assert same.ci_low > 0
    assert same.mcnemar_p == pytest.approx(0.0625)
    assert same.verdict is comparison.verdict is Verdict.NO_EVIDENCE


def test_few_pairs_are_no_evidence_and_say_so():
    comparison = compared(*two_runs(total=30), pairs_of("same", [0.0] * 9, [1.0] * 9))
    assert comparison.verdict is Verdict.NO_EVIDENCE
    assert comparison.unpaired_items == 21
    assert "only 9 items were scored in both runs" in comparison.reason


def test_nothing_measured_in_both_is_no_evidence():
    comparison = compared(*two_runs(), [])
    assert (comparison.verdict, comparison.paired_items, comparison.unpaired_items) == (Verdict.NO_EVIDENCE, 0, 20)
    assert comparison.evaluators[0].mcnemar_p == 1.0
    assert comparison.metrics[0].difference is None


def test_a_graded_evaluator_has_no_mcnemar():
    comparison = compared(*two_runs(F1), pairs_of("f1", [0.2] * 20, [0.5, 0.7] * 10))
    (f1,) = comparison.evaluators
    assert (f1.mcnemar_p, f1.verdict) == (None, Verdict.BETTER)
    assert f1.difference == pytest.approx(0.4)


def test_items_that_an_evaluator_could_not_score_are_left_out_for_it_alone():
    pairs = [*pairs_of("f1", [0.5] * 12, [0.6] * 12), Pair(measured(f1=0.1), measured())]
    comparison = compared(*two_runs(F1), pairs)
    assert (comparison.paired_items, comparison.evaluators[0].paired_items) == (13, 12)


def test_harm_elsewhere_makes_a_better_candidate_worse():
    pairs = [Pair(measured(same=0.0, f1=0.9), measured(same=1.0, f1=0.1)) for _ in range(20)]
    comparison = compared(*two_runs(SAME, F1), pairs)
    assert comparison.verdict is Verdict.WORSE
    assert "same: better" in comparison.reason
    assert "But f1: worse" in comparison.reason


def test_harm_that_chance_explains_among_many_evaluators_does_not_decide():
    baseline, candidate = two_runs(SAME, *(Evaluator(f"f{n}", EvaluatorKind.TOKEN_F1, {}) for n in range(5)))
    pairs = [Pair(measured(same=1.0, f0=0.5), measured(same=1.0, f0=0.5)) for _ in range(20)]
    (same, f0, *others) = compared(baseline, candidate, pairs).evaluators
    slightly_worse = replace(f0, verdict=Verdict.WORSE, p=0.03)
    verdict, reason = overall((same, slightly_worse, *others), "same")
    assert verdict is Verdict.NO_EVIDENCE
    assert "f0: worse alone, but not beyond chance among 5 evaluators" in reason
    assert overall((same, replace(slightly_worse, p=0.001), *others), "same")[0] is Verdict.WORSE


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_swapping_the_runs_mirrors_the_comparison(outcomes):
    baseline, candidate = two_runs()
    there = pairs_of("same", *zip(*((float(a), float(b)) for a, b in outcomes), strict=True))
    back = [Pair(pair.candidate, pair.baseline) for pair in there]
    (one,) = compared(baseline, candidate, there).evaluators
    (other,) = compared(candidate, baseline, back).evaluators
    assert (other.wins, other.losses, other.ties) == (one.losses, one.wins, one.ties)
    assert (other.difference, other.ci_low, other.ci_high) == pytest.approx(
        (-one.difference, -one.ci_high, -one.ci_low)
    )
    assert other.mcnemar_p == one.mcnemar_p
    mirror = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert other.verdict is mirror.get(one.verdict, Verdict.NO_EVIDENCE)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_runs_that_said_the_same_do_not_differ(scores):
    comparison = compared(*two_runs(F1), pairs_of("f1", scores, scores))
    (f1,) = comparison.evaluators
    assert (f1.difference, f1.ci_low, f1.ci_high) == (0.0, 0.0, 0.0)
    assert comparison.verdict is Verdict.NO_EVIDENCE


def test_metrics_are_reported_with_intervals():
    pairs = [
        Pair(measured(same=1.0, latency=100.0 + n), measured(same=1.0, latency=150.0 + n, cost=None)) for n in range(20)
    ]
    metrics = {metric.metric: metric for metric in compared(*two_runs(), pairs).metrics}
    assert tuple(metrics) == METRICS
    latency = metrics["latency_ms"]
    assert (latency.difference, latency.ci_low, latency.ci_high) == pytest.approx((50.0, 50.0, 50.0))
    assert metrics["output_tokens"].baseline_mean == 5.0
    assert metrics["cost_usd"].difference is None


def test_runs_that_measure_different_things_are_not_compared():
    baseline, candidate = two_runs()
    with pytest.raises(MalformedComparison):
        compared(baseline, baseline, [])
    for status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLED):
        with pytest.raises(RunNotCompleted, match=status.value):
            compared(baseline, replace(candidate, status=status), [])
    with pytest.raises(RunsNotComparable, match="different prompts"):
        compared(baseline, replace(candidate, prompt_id=uuid4()), [])
    with pytest.raises(RunsNotComparable, match="different items"):
        compared(baseline, replace(candidate, dataset_version=2), [])


def test_only_evaluators_of_the_same_rule_are_compared():
    baseline, candidate = two_runs(SAME, F1)
    strict = replace(SAME, config={"ignore_case": False})
    changed = replace(candidate, evaluators=(strict, F1, NEAR))
    assert common_evaluators(baseline, changed, "") == ((F1,), "f1")
    with pytest.raises(UnknownEvaluator):
        common_evaluators(baseline, changed, "same")
    with pytest.raises(NoCommonEvaluator):
        common_evaluators(baseline, replace(candidate, evaluators=(strict,)), "")


def test_a_comparison_across_models_says_so():
    baseline, candidate = two_runs()
    pairs = pairs_of("same", [1.0] * 12, [1.0] * 12)
    assert "different models: small and large" in compared(baseline, replace(candidate, model="large"), pairs).reason
    hotter = replace(candidate, parameters=Parameters(temperature=1.0))
    assert "different parameters" in compared(baseline, hotter, pairs).reason


def test_ten_thousand_pairs_take_seconds_at_most():
    pairs = pairs_of("f1", [0.1, 0.5] * 5_000, [0.5, 0.2] * 5_000)
    assert compare_evaluator(F1, pairs, seed=1).verdict is Verdict.BETTER


@pytest.mark.parametrize(
    ("verdict", "policy", "allowed", "words"),
    [
        (Verdict.BETTER, Policy.BETTER, True, "Allowed: version 2 is better."),
        (Verdict.BETTER, Policy.NOT_WORSE, True, "Allowed: version 2 is better."),
        (Verdict.NO_EVIDENCE, Policy.BETTER, False, "Refused: there is no evidence that version 2 is better."),
        (Verdict.NO_EVIDENCE, Policy.NOT_WORSE, True, "Allowed: there is no evidence that version 2 is worse."),
        (Verdict.WORSE, Policy.BETTER, False, "Refused: version 2 is worse."),
        (Verdict.WORSE, Policy.NOT_WORSE, False, "Refused: version 2 is worse."),
    ],
)
def test_a_gate_holds_the_verdict_against_its_policy(verdict, policy, allowed, words):
    comparison = replace(compared(*two_runs(), pairs_of("same", [1.0] * 12, [1.0] * 12)), verdict=verdict)
    decision = decide(uuid4(), comparison, "production", policy, by=BY, at=AT)
    assert (decision.allowed, decision.version, decision.prompt_id) == (allowed, 2, comparison.prompt_id)
    assert decision.reason == f"{words} {comparison.reason}"


def test_a_gate_refuses_what_was_never_measured_and_labels_that_cannot_be():
    comparison = compared(*two_runs(), [])
    refused = decide(uuid4(), comparison, "production", Policy.NOT_WORSE, by=BY, at=AT)
    assert not refused.allowed
    assert "no item was measured in both runs" in refused.reason
    for label in ("latest", "Production", "a b", "x" * 51):
        with pytest.raises(MalformedGate):
            decide(uuid4(), comparison, label, Policy.BETTER, by=BY, at=AT)
