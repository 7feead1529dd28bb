"""The audit `strict`: correctness rules and dead code."""

import asyncio
from typing import Final

from assay_audit.application.audits.snapshot import Examined, NothingToMeasure, Snapshot, kilolines
from assay_audit.domain.analysis import Engine, findings_of

RUFF: Final = Engine(
    "ruff",
    {
        # Rules on which people hardly disagree: what is wrong or misleading, nothing of layout or taste.
        "select": ["E4", "E7", "E9", "F", "B", "C4", "PIE", "PLE", "ASYNC"],
        # Calls in default arguments are the idiom of FastAPI and Typer; reports about raising without `from` are taste.
        "ignore": ["B008", "B904"],
    },
)

VULTURE: Final = Engine("vulture", {"minimum_confidence": 80})
"""Below 80 % vulture guesses: names that frameworks call by convention look unused to it."""


async def audit_strict(snapshot: Snapshot) -> Examined:
    """Check Python by a fixed selection of ruff's rules, whatever the repository configures, and look for dead code."""
    files = snapshot.inventory.code(language="python")
    if not files:
        raise NothingToMeasure("no Python files")
    ruff, vulture = await asyncio.gather(snapshot.each(RUFF, files), snapshot.together(VULTURE, files))
    return Examined(findings_of(ruff, vulture), kilolines(await snapshot.lines(files)))
