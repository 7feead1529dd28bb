"""The statistics against independent computations: closed forms, enumeration and simulation."""

import math
from itertools import product
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay_evaluation.domain.statistics import holm, mcnemar_exact, paired_bootstrap, seed_of


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_binomial_test_on_discordant_pairs(wins, losses):
    n, k = wins + losses, min(wins, losses)
    by_hand = min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
    assert mcnemar_exact(wins, losses) == pytest.approx(by_hand, rel=1e-9)
    if n:
        assert mcnemar_exact(wins, losses) == pytest.approx(stats.binomtest(wins, n, 0.5).pvalue, rel=1e-9)
    assert mcnemar_exact(wins, losses) == mcnemar_exact(losses, wins)


def test_mcnemar_of_a_textbook_table():
    # 2 * P(X <= 1), X binomial(10, 1/2): 2 * (1 + 10) / 1024
    assert mcnemar_exact(9, 1) == pytest.approx(22 / 1024)
    assert mcnemar_exact(0, 0) == 1.0


def test_the_interval_of_two_values_is_that_of_the_exact_bootstrap_distribution():
    """With differences of 0 and 1 only, a resampled mean is a binomial count divided by n."""
    ones, n = 30, 100
    difference = paired_bootstrap([1.0] * ones + [0.0] * (n - ones), seed=1)
    exact = stats.binom(n, ones / n)
    assert difference.mean == pytest.approx(0.3)
    assert difference.low == pytest.approx(exact.ppf(0.025) / n, abs=0.011)
    assert difference.high == pytest.approx(exact.ppf(0.975) / n, abs=0.011)


def test_the_bootstrap_agrees_with_a_full_enumeration():
    values = [-1.0, 0.5, 2.0, 3.0, 0.0]
    means = sorted(sum(drawn) / 5 for drawn in product(values, repeat=5))
    difference = paired_bootstrap(values, seed=7)
    assert difference.low == pytest.approx(np.quantile(means, 0.025), abs=0.1)
    assert difference.high == pytest.approx(np.quantile(means, 0.975), abs=0.1)


def test_the_interval_nears_the_normal_one_for_many_pairs():
    values = np.random.default_rng(3).normal(0.2, 1.0, 2_000)
    difference = paired_bootstrap(values.tolist(), seed=5)
    half = 1.959964 * values.std(ddof=1) / math.sqrt(values.size)
    assert difference.low == pytest.approx(values.mean() - half, abs=0.005)
    assert difference.high == pytest.approx(values.mean() + half, abs=0.005)


@settings(max_examples=40)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.integers(0, 2**64))
def test_swapping_the_runs_mirrors_the_result(values, seed):
    there, back = paired_bootstrap(values, seed), paired_bootstrap([-value for value in values], seed)
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low), abs=1e-9)
    assert there.p == back.p
    assert there.low <= there.high


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(0, 2**64))
def test_no_difference_is_no_difference(pairs, seed):
    nothing = paired_bootstrap([0.0] * pairs, seed)
    assert (nothing.mean, nothing.low, nothing.high, nothing.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """500 samples of 40 pairs from a skewed distribution of known mean, fixed seed."""
    random = np.random.default_rng(2024)
    covered = 0
    for sample in range(500):
        values = random.exponential(1.0, 40) - 0.7  # the true mean is 0.3
        difference = paired_bootstrap(values.tolist(), seed=sample, resamples=1_000)
        covered += difference.low <= 0.3 <= difference.high
    assert 0.90 <= covered / 500 <= 0.97


def test_the_same_runs_give_the_same_numbers_whichever_is_the_baseline():
    one, other = uuid4(), uuid4()
    assert seed_of(one, other) == seed_of(other, one) != seed_of(one, uuid4())
    values = [0.1, 0.4, -0.2, 0.9]
    assert paired_bootstrap(values, seed_of(one, other)) == paired_bootstrap(values, seed_of(other, one))


def test_drawing_in_parts_draws_everything():
    values = np.random.default_rng(1).normal(0, 1, 3_000)
    difference = paired_bootstrap(values.tolist(), seed=2, resamples=2_000)  # 6 million numbers: three parts
    assert difference.low < values.mean() < difference.high


@pytest.mark.parametrize(
    ("p_values", "rejected"),
    [
        ([0.01, 0.04, 0.03], [True, False, False]),  # 0.01 <= 0.05/3, 0.03 > 0.05/2: stop
        ([0.01, 0.02, 0.04], [True, True, True]),
        ([0.02], [True]),
        ([], []),
        ([0.06, 0.001], [False, True]),
    ],
)
def test_holm_by_hand(p_values, rejected):
    assert holm(p_values) == rejected


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_bonferroni_and_no_correction(p_values):
    for p, rejected in zip(p_values, holm(p_values), strict=True):
        if p <= 0.05 / len(p_values):
            assert rejected
        if rejected:
            assert p <= 0.05
