"""The statistics of paired comparisons.

Sources:
    B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap (1993), chapters 13 (percentile interval) and 15
        (a significance level by inverting an interval).
    Q. McNemar: Note on the sampling error of the difference between correlated proportions or percentages,
        Psychometrika 12 (1947); the exact form conditions on the discordant pairs, which are binomial(n, 1/2).
    S. Holm: A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    R. Dror, G. Baumer, S. Shlomov, R. Reichart: The Hitchhiker's Guide to Testing Statistical Significance in Natural
        Language Processing, ACL 2018: paired tests, McNemar for accuracies, the paired bootstrap for other measures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES: Final = 10_000
CONFIDENCE: Final = 0.95
ALPHA: Final = 1 - CONFIDENCE

_CELLS_AT_ONCE: Final = 2_000_000
"""Drawn numbers held in memory at a time (16 MB)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of paired differences, how sure it is, and how surprising under no difference."""

    mean: float
    low: float
    high: float
    p: float
    """Two-sided significance level by inversion of the interval, never below 2 / (resamples + 1)."""


def seed_of(one: UUID, other: UUID) -> int:
    """The seed of a comparison: the same whichever of the two runs is the baseline."""
    first, second = sorted((one.bytes, other.bytes))
    return int.from_bytes(sha256(first + second).digest()[:16])


def paired_bootstrap(differences: Sequence[float], seed: int, resamples: int = RESAMPLES) -> Difference:
    """The mean difference with its 95 % percentile interval: pairs are drawn with replacement, and averaged.

    Two runs swapped give the mirrored interval, because the same pairs are drawn. Raises ValueError without pairs.
    """
    import numpy as np  # noqa: PLC0415 - heavy, and a process that compares nothing does without

    values = np.asarray(differences, dtype=np.float64)
    if values.size == 0:
        raise ValueError("there are no pairs")
    means = _resampled_means(values, np.random.default_rng(seed), resamples)
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
    at_most, at_least = int((means <= 0).sum()), int((means >= 0).sum())
    p = min(1.0, 2 * (min(at_most, at_least) + 1) / (resamples + 1))
    return Difference(float(values.mean()), float(low), float(high), p)


def _resampled_means(values: NDArray[np.float64], random: np.random.Generator, resamples: int) -> NDArray[np.float64]:
    import numpy as np  # noqa: PLC0415

    rows = max(1, _CELLS_AT_ONCE // values.size)
    parts = []
    for start in range(0, resamples, rows):
        drawn = random.integers(0, values.size, size=(min(rows, resamples - start), values.size), dtype=np.int32)
        parts.append(values[drawn].mean(axis=1))
    return np.concatenate(parts)


def mcnemar_exact(wins: int, losses: int) -> float:
    """McNemar's exact two-sided p: how probable so uneven a split of the discordant pairs is by chance.

    1.0 when no pair is discordant.
    """
    discordant, least = wins + losses, min(wins, losses)
    term = math.comb(discordant, least) / 2**discordant  # binomial(n, 1/2) at the lesser count, rounded once
    tail = 0.0
    for count in range(least, -1, -1):
        tail += term
        term *= count / (discordant - count + 1)
    return min(1.0, 2 * tail)


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which hypotheses are rejected when all are tested together, in the order given (Holm's step-down procedure)."""
    rejected = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] > alpha / (len(p_values) - rank):
            break
        rejected[place] = True
    return rejected
