"""complexipy: cognitive complexity of Python functions."""

from complexipy import code_complexity

from assay_audit.adapters.engines.task import TOO_HARD, Answer, Task
from assay_audit.domain.kinds import Severity
from assay_audit.domain.severities import COGNITIVE, above


def analyse(task: Task) -> Answer:
    """Report functions that are hard to follow. What cannot be parsed is passed over: ruff reports it."""
    answer = Answer()
    for file in task:
        try:
            functions = code_complexity(file.text(), with_plans=False).functions
        except TOO_HARD:
            continue
        for function in functions:
            severity = above(function.complexity, COGNITIVE, (Severity.WARNING, Severity.ERROR))
            if severity:
                text = f"{function.name} has a cognitive complexity of {function.complexity}; above {COGNITIVE[0]}"
                answer.add(file.file, "complexipy/cognitive", severity, function.line_start, text)
    return answer
