"""Findings as SARIF 2.1.0 (Static Analysis Results Interchange Format, an OASIS standard), written as they are read."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from assay_audit.application.read_audits import Export
from assay_audit.domain.findings import Finding
from assay_audit.domain.kinds import Severity

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
VERSION: Final = "2.1.0"
CHUNK: Final = 256 * 1024
"""Bytes of a chunk, about."""
FINGERPRINT: Final = "assay/v1"
"""The name, with its version, of the way fingerprints are made."""

_LEVELS: Final = {Severity.NOTE: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}


async def sarif_document(export: Export) -> AsyncIterator[bytes]:
    """The document in chunks of CHUNK bytes; only one page of findings is in memory at a time."""
    buffer = bytearray(_opening(export))
    positions = {rule: position for position, (rule, _) in enumerate(export.rules)}
    first = True
    async for finding in export.findings:
        buffer += (b"" if first else b",") + _json(_result(finding, positions[finding.rule]))
        first = False
        if len(buffer) >= CHUNK:
            yield bytes(buffer)
            buffer.clear()
    buffer += b"]}]}"
    yield bytes(buffer)


def _opening(export: Export) -> bytes:
    """Everything up to the first result."""
    head = {"$schema": SCHEMA, "version": VERSION}
    run = {
        "tool": {"driver": {"name": "Assay", "rules": [_rule(rule, worst) for rule, worst in export.rules]}},
        "automationDetails": {"id": f"{export.run.repository_name}/{export.run.id}"},
        "versionControlProvenance": _provenance(export),
        "columnKind": "unicodeCodePoints",
    }
    return _json(head)[:-1] + b',"runs":[' + _json(run)[:-1] + b',"results":['


def _provenance(export: Export) -> list[dict[str, str]]:
    run = export.run
    if not run.commit:
        return []
    return [{"repositoryUri": f"urn:uuid:{run.repository_id}", "revisionId": run.commit}]


def _rule(rule: str, worst: Severity) -> dict[str, Any]:
    engine, _, name = rule.partition("/")
    return {
        "id": rule,
        "name": name,
        "shortDescription": {"text": f"{name}, reported by {engine}"},
        "defaultConfiguration": {"level": _LEVELS[worst]},
    }


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    result = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {"audit": finding.kind.word},
    }
    return {**result, "locations": [_location(finding)]} if finding.path else result


def _location(finding: Finding) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path), "uriBaseId": "%SRCROOT%"}}
    if finding.line:
        physical["region"] = {"startLine": finding.line}
    return {"physicalLocation": physical}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
