"""The audit `servant`: does the code serve its reader."""

import asyncio
from typing import Final

from assay_audit.application.audits.snapshot import Examined, NothingToMeasure, Snapshot, kilolines
from assay_audit.domain.analysis import Engine, findings_of

COMPLEXIPY: Final = Engine("complexipy")
LIZARD: Final = Engine("lizard")
DOCSTRINGS: Final = Engine(
    "ruff",
    {
        "select": ["D1"],
        # Packages, magic methods and constructors are documented by what is around them.
        "ignore": ["D104", "D105", "D107"],
    },
)

NOT_UNDERSTOOD: Final = frozenset({"shell", "sql"})
"""Languages that count as code but that lizard does not read."""


async def audit_servant(snapshot: Snapshot) -> Examined:
    """Measure complexity, length and parameters of functions, and look for public things without documentation.

    Cyclomatic complexity, length and parameters in every language that lizard reads; cognitive complexity and
    docstrings in Python. Tests are left out: they are read differently.
    """
    files = [file for file in snapshot.inventory.code(tests=False) if file.language not in NOT_UNDERSTOOD]
    if not files:
        raise NothingToMeasure("no source files in a language that is understood")
    python = [file for file in files if file.language == "python"]
    analyses = await asyncio.gather(
        snapshot.each(LIZARD, files),
        snapshot.each(COMPLEXIPY, python),
        snapshot.each(DOCSTRINGS, python),
    )
    return Examined(findings_of(*analyses), kilolines(await snapshot.lines(files)))
