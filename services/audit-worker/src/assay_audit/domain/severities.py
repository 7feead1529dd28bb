"""How bad what the engines find is."""

from typing import Final

from assay_audit.domain.kinds import Severity

_RUFF_ERRORS: Final = ("E9", "F5", "F6", "F7", "F82", "PLE", "invalid-syntax")
"""What fails or misbehaves when it runs: syntax errors, wrong formats, undefined names."""
_RUFF_NOTES: Final = ("E4", "E7", "D1", "B9", "C4", "PIE")

COGNITIVE: Final = (15, 30)
"""Cognitive complexity above which a function is a warning, and an error (complexipy's own limit is 15)."""
CYCLOMATIC: Final = (15, 30)
"""Cyclomatic complexity above which a function is a warning, and an error (lizard's own limit is 15)."""
FUNCTION_LINES: Final = (60, 150)
"""Lines of code above which a function is a note, and a warning."""
PARAMETERS: Final = (7, 12)
"""Parameters above which a function is a note, and a warning."""


def of_ruff(code: str) -> Severity:
    """The severity of a ruff rule."""
    if code.startswith(_RUFF_ERRORS):
        return Severity.ERROR
    return Severity.NOTE if code.startswith(_RUFF_NOTES) else Severity.WARNING


def of_bandit(severity: str, confidence: str) -> Severity:
    """The severity of a bandit issue: its own, one step less when bandit itself is not confident."""
    level = {"HIGH": Severity.ERROR, "MEDIUM": Severity.WARNING}.get(severity, Severity.NOTE)
    return Severity(max(level - 1, Severity.NOTE)) if confidence == "LOW" else level


def above(value: int, limits: tuple[int, int], severities: tuple[Severity, Severity]) -> Severity | None:
    """The severity of a measure that should stay within limits; None within the first."""
    if value > limits[1]:
        return severities[1]
    return severities[0] if value > limits[0] else None
