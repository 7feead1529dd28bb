"""vulture: dead code, over all files together."""

from vulture import Vulture  # type: ignore[import-untyped]

from assay_audit.adapters.engines.task import TOO_HARD, Answer, Task
from assay_audit.domain.kinds import Severity


def analyse(task: Task) -> Answer:
    """Look for definitions that nothing uses. What cannot be parsed is passed over: ruff reports it."""
    answer = Answer()
    vulture = Vulture()
    # It reports what it cannot parse on its own.
    vulture._log = lambda *_arguments, **_options: None
    for file in task:
        try:
            vulture.scan(file.text(), filename=file.file)
        except TOO_HARD:
            continue
    for item in vulture.get_unused_code(min_confidence=task.options["minimum_confidence"]):
        rule = "vulture/unreachable-code" if item.typ == "unreachable_code" else f"vulture/unused-{item.typ}"
        severity = Severity.WARNING if item.typ in ("unreachable_code", "function", "class") else Severity.NOTE
        answer.add(str(item.filename), rule, severity, item.first_lineno, item.message)
    return answer
