"""What an engine process is asked, and what it answers."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay_audit.domain.kinds import Severity

TOO_HARD = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsers raise for text that is no valid code, or nested beyond reason: ruff reports it, others pass it over."""


@dataclass(frozen=True, slots=True)
class TaskFile:
    """One file to look at."""

    file: str
    """Relative to the working folder: the key of the answer."""
    path: str
    language: str | None
    test: bool

    def text(self) -> str:
        """Its content; bytes that are no UTF-8 are replaced."""
        return Path(self.file).read_text("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Task:
    """Files to look at, and how."""

    files: Sequence[TaskFile]
    options: Mapping[str, Any]

    @classmethod
    def from_json(cls, question: Mapping[str, Any]) -> "Task":
        """Read the question."""
        return cls([TaskFile(**file) for file in question["files"]], question["options"])

    def __iter__(self) -> Iterator[TaskFile]:
        return iter(self.files)


@dataclass(slots=True)
class Answer:
    """Findings and measures by file."""

    findings: defaultdict[str, list[tuple[str, int, int, str]]] = field(default_factory=lambda: defaultdict(list))
    measures: defaultdict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, file: str, rule: str, severity: Severity, line: int, message: str) -> None:
        """Add a finding."""
        self.findings[file].append((rule, int(severity), line, message))

    def measure(self, file: str, **values: Any) -> None:
        """Add measures."""
        self.measures[file].update(values)

    def to_json(self) -> dict[str, Any]:
        """As it is written."""
        return {
            file: {"findings": self.findings.get(file, []), "measures": self.measures.get(file, {})}
            for file in self.findings.keys() | self.measures.keys()
        }
