"""Our own look at any text: lines, merge markers, and private keys."""

from pathlib import Path

from assay_audit.adapters.engines.task import Answer, Task
from assay_audit.domain.files import lines_in
from assay_audit.domain.integrity import merge_markers, private_keys
from assay_audit.domain.kinds import Severity


def analyse(task: Task) -> Answer:
    """Count lines, and find unresolved conflicts and private keys; in tests a key is usually made up."""
    answer = Answer()
    for file in task:
        answer.measure(file.file, lines=lines_in(Path(file.file).read_bytes()))
        lines = file.text().splitlines()
        for line in merge_markers(lines):
            answer.add(file.file, "assay/merge-marker", Severity.ERROR, line, "a merge conflict was left unresolved")
        for line in private_keys(lines):
            severity = Severity.NOTE if file.test else Severity.ERROR
            answer.add(file.file, "assay/private-key", severity, line, "a private key is in the repository")
    return answer
