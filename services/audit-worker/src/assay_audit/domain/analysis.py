"""What an engine found out about one file, or about all of them; the part that is cached."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay_audit.domain.findings import RawFinding
from assay_audit.domain.kinds import Severity


@dataclass(frozen=True, slots=True)
class Engine:
    """An analysis engine with its configuration; together with its version it decides what it says of a content."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysis:
    """Findings, and measures such as `lines`."""

    findings: tuple[RawFinding, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)

    def at(self, path: str) -> "Analysis":
        """The same for a file of that path: a content is analysed once, wherever it lies."""
        return replace(self, findings=tuple(replace(finding, path=path) for finding in self.findings))

    def to_json(self) -> dict[str, Any]:
        """As it is cached."""
        return {
            "findings": [
                [found.rule, int(found.severity), found.message, found.path, found.line, found.context]
                for found in self.findings
            ],
            "measures": dict(self.measures),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Analysis":
        """Back from `to_json`."""
        return cls(
            tuple(
                RawFinding(rule, Severity(severity), message, path, line, context)
                for rule, severity, message, path, line, context in value["findings"]
            ),
            value["measures"],
        )


Analyses = Mapping[str, Analysis]
"""Analyses by path."""


def findings_of(*analyses: Analyses) -> list[RawFinding]:
    """All findings of all files."""
    return [finding for by_path in analyses for analysis in by_path.values() for finding in analysis.findings]
