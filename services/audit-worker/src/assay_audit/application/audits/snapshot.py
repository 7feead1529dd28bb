"""What every audit is given, and what it gives back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay_audit.application.analyst import Analyst
from assay_audit.application.ports import Mirror
from assay_audit.domain.analysis import Analyses, Engine
from assay_audit.domain.files import Inventory, SourceFile
from assay_audit.domain.findings import RawFinding

TEXT: Final = Engine("text")
"""Counts lines, tells binary files, and finds merge markers."""


class NothingToMeasure(Exception):
    """The repository has nothing that the audit looks at; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit that is being audited."""

    org_id: UUID
    audit_id: UUID
    mirror: Mirror
    commit: str
    inventory: Inventory
    analyst: Analyst

    async def each(self, engine: Engine, files: Sequence[SourceFile]) -> Analyses:
        """What the engine says of every file by itself."""
        return await self.analyst.each(self.org_id, self.audit_id, self.mirror, engine, files)

    async def together(self, engine: Engine, files: Sequence[SourceFile]) -> Analyses:
        """What the engine says of the files together."""
        return await self.analyst.together(self.org_id, self.audit_id, self.mirror, engine, files)

    async def lines(self, files: Sequence[SourceFile]) -> dict[str, int]:
        """Lines with something on them, by path."""
        return {path: lines_of(analysis.measures) for path, analysis in (await self.each(TEXT, files)).items()}


@dataclass(frozen=True, slots=True)
class Examined:
    """What an audit found, and over how much: thousands of lines of code, or hundreds of commits."""

    findings: Sequence[RawFinding]
    size: float


Audit = Callable[[Snapshot], Awaitable[Examined]]


def lines_of(measures: object) -> int:
    """The number of lines among the measures of the "text" engine; binary files have none."""
    return int(measures.get("lines", 0)) if isinstance(measures, dict) else 0


def kilolines(lines: dict[str, int]) -> float:
    """Thousands of lines."""
    return sum(lines.values()) / 1000
