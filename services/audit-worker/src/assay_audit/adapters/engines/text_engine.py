"""Our own look at any text: lines, and merge markers."""

from pathlib import Path

from assay_audit.adapters.engines.task import Answer, Task
from assay_audit.domain.files import lines_in
from assay_audit.domain.integrity import merge_markers
from assay_audit.domain.kinds import Severity


def analyse(task: Task) -> Answer:
    """Count lines and find unresolved conflicts."""
    answer = Answer()
    for file in task:
        answer.measure(file.file, lines=lines_in(Path(file.file).read_bytes()))
        for line in merge_markers(file.text().splitlines()):
            answer.add(file.file, "assay/merge-marker", Severity.ERROR, line, "a merge conflict was left unresolved")
    return answer
