"""From findings to a score, and from scores to the health of a repository."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from assay_audit.domain.kinds import AuditKind, Severity

WEIGHTS: Final[Mapping[Severity, float]] = {Severity.NOTE: 1.0, Severity.WARNING: 3.0, Severity.ERROR: 10.0}
"""Penalty points of one finding."""

HALVING: Final[Mapping[AuditKind, float]] = {
    AuditKind.INTEGRITY: 15.0,
    AuditKind.TDD: 15.0,
    AuditKind.GIT: 60.0,
    AuditKind.SERVANT: 60.0,
    AuditKind.STRICT: 40.0,
}
"""Penalty points per unit of size that halve the score: how strict each audit is. The unit is 1,000 lines of code,
and 100 commits for the history."""

SHARES: Final[Mapping[AuditKind, float]] = {
    AuditKind.INTEGRITY: 3.0,
    AuditKind.TDD: 2.0,
    AuditKind.GIT: 1.0,
    AuditKind.SERVANT: 2.0,
    AuditKind.STRICT: 2.0,
}
"""What each audit counts for in the overall health."""


def score(kind: AuditKind, severities: Iterable[Severity], size: float) -> float:
    """Score an audit from 0 to 100, 100 being nothing found.

        points = sum of WEIGHTS over the findings
        score  = 100 · 2^(−points / (max(size, 1) · HALVING))

    It falls with every finding and with its severity, and rises with the size over which the same findings are spread.
    A repository below one unit counts as one, so that one finding in ten lines is no ruin.

    Args:
        kind: the audit.
        severities: one of each finding.
        size: thousands of lines of code looked at; for the history, hundreds of commits.
    """
    points = sum(WEIGHTS[severity] for severity in severities)
    return round(100.0 * math.exp2(-points / (max(size, 1.0) * HALVING[kind])), 1)


def health(scores: Mapping[AuditKind, float]) -> float | None:
    """The mean of the measured scores weighted by SHARES; None when nothing was measured."""
    total = sum(SHARES[kind] for kind in scores)
    if not total:
        return None
    return round(sum(SHARES[kind] * value for kind, value in scores.items()) / total, 1)
