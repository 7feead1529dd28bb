"""The audit `tdd`: are there tests, do they go with the code, do they check anything."""

from typing import Final

from assay_audit.application.audits.snapshot import Examined, NothingToMeasure, Snapshot, kilolines
from assay_audit.domain.analysis import Engine, findings_of
from assay_audit.domain.testing import judge_tests

TESTS: Final = Engine("tests")


async def audit_tdd(snapshot: Snapshot) -> Examined:
    """Judge the tests in all languages by names, sizes and history, and in Python by what they import and assert."""
    inventory = snapshot.inventory
    files = inventory.code()
    if all(file.is_test for file in files):
        raise NothingToMeasure("no source code besides tests" if files else "no source code")
    lines = await snapshot.lines(files)
    analyses = await snapshot.each(TESTS, inventory.code(language="python"))
    commits = await snapshot.mirror.history(snapshot.commit)
    found = [*findings_of(analyses), *judge_tests(files, lines, analyses, commits)]
    return Examined(found, kilolines(lines))
