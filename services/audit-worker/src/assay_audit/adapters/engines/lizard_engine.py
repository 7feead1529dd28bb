"""lizard: cyclomatic complexity, length and parameters of functions in many languages."""

from typing import Any

import lizard  # type: ignore[import-untyped]

from assay_audit.adapters.engines.task import Answer, Task
from assay_audit.domain.kinds import Severity
from assay_audit.domain.severities import CYCLOMATIC, FUNCTION_LINES, PARAMETERS, above


def analyse(task: Task) -> Answer:
    """Report functions that are too complex, too long or take too much. What lizard cannot read is passed over."""
    answer = Answer()
    analyzer = lizard.FileAnalyzer(lizard.get_extensions([]))
    for file in task:
        try:
            functions = analyzer.analyze_source_code(file.file, file.text()).function_list
        except Exception:  # noqa: S112 - its readers fail in many ways on text that is no code
            continue
        for function in functions:
            _judge(file.file, function, answer)
    return answer


def _judge(file: str, function: Any, answer: Answer) -> None:
    name, line = function.name, function.start_line
    complexity, length, parameters = function.cyclomatic_complexity, function.nloc, function.parameter_count
    if severity := above(complexity, CYCLOMATIC, (Severity.WARNING, Severity.ERROR)):
        answer.add(file, "lizard/cyclomatic", severity, line, f"{name} has {complexity} paths; above {CYCLOMATIC[0]}")
    if severity := above(length, FUNCTION_LINES, (Severity.NOTE, Severity.WARNING)):
        answer.add(file, "lizard/length", severity, line, f"{name} is {length} lines long; above {FUNCTION_LINES[0]}")
    if severity := above(parameters, PARAMETERS, (Severity.NOTE, Severity.WARNING)):
        text = f"{name} takes {parameters} parameters; above {PARAMETERS[0]}"
        answer.add(file, "lizard/parameters", severity, line, text)
