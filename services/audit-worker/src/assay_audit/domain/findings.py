"""Findings, and the fingerprint by which one is known again when its line moves."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from assay_audit.domain.kinds import AuditKind, Severity

NEIGHBOURS: Final = 2
"""Lines of code after the finding's own that identify it. Those before do not: what is inserted right above a line
must not make it another."""

MAX_MESSAGE: Final = 1_000
"""Characters of a message; engines quote source code in theirs."""


@dataclass(frozen=True, slots=True)
class RawFinding:
    """What an engine said about one place."""

    rule: str
    """"engine/rule", for instance "ruff/F821"."""
    severity: Severity
    message: str
    path: str = ""
    """Relative to the repository's root; empty = the repository as a whole."""
    line: int = 0
    """From 1; 0 = the whole file."""
    context: str = ""
    """What identifies the place whatever its line: `context_of` for code, a commit's id for history."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of an audit."""

    kind: AuditKind
    rule: str
    severity: Severity
    message: str
    path: str
    line: int
    fingerprint: str


def context_of(lines: Sequence[str], line: int) -> str:
    """A digest of the code at `line` (from 1) and of the NEIGHBOURS lines of code after it, whitespace apart."""
    if not 1 <= line <= len(lines):
        return ""
    code = [" ".join(lines[line - 1].split())]
    for following in lines[line:]:
        if len(code) > NEIGHBOURS:
            break
        if words := following.split():
            code.append(" ".join(words))
    return hashlib.sha256("\n".join(code).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def identified(kind: AuditKind, found: Iterable[RawFinding]) -> list[Finding]:
    """Give every finding its fingerprint, worst first.

    The fingerprint is a hash of the rule, the path, the code and the how-manieth finding of this rule on the same
    code in that file it is, so that identical lines are told apart and a moved line stays the same.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    findings = []
    for raw in sorted(set(found), key=_by_place):
        place = (raw.rule, raw.path, raw.context)
        findings.append(
            Finding(
                kind=kind,
                rule=raw.rule,
                severity=raw.severity,
                message=printable(raw.message),
                path=raw.path,
                line=raw.line,
                fingerprint=_fingerprint(*place, seen[place]),
            )
        )
        seen[place] += 1
    return sorted(findings, key=lambda finding: (-finding.severity, finding.path, finding.line, finding.rule))


def _by_place(raw: RawFinding) -> tuple[str, int, str, str]:
    return raw.path, raw.line, raw.rule, raw.message


def _fingerprint(rule: str, path: str, context: str, occurrence: int) -> str:
    text = "\0".join((rule, path, context, str(occurrence)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def printable(message: str) -> str:
    """The message without control characters and surrogates, which a hostile file could smuggle into a terminal or the
    database, and cut to MAX_MESSAGE."""
    return "".join(c if c.isprintable() else " " for c in message)[:MAX_MESSAGE]
