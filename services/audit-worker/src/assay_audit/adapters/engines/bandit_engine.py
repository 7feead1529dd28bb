"""bandit: unsafe Python."""

import logging
from collections.abc import Sequence
from typing import Final

from bandit.core.config import BanditConfig  # type: ignore[import-untyped]
from bandit.core.manager import BanditManager  # type: ignore[import-untyped]

from assay_audit.adapters.engines.task import Answer, Task, TaskFile
from assay_audit.domain.severities import of_bandit

QUOTES_SECRETS: Final = frozenset({"B105", "B106", "B107"})
"""Checks whose message quotes the password that they found."""


def analyse(task: Task) -> Answer:
    """Check the files; tests without what tests do on purpose."""
    logging.disable(logging.CRITICAL)
    answer = Answer()
    _check([file for file in task if not file.test], [], answer)
    _check([file for file in task if file.test], task.options["skip_in_tests"], answer)
    return answer


def _check(files: Sequence[TaskFile], skip: list[str], answer: Answer) -> None:
    manager = BanditManager(BanditConfig(), "file", quiet=True, profile={"exclude": set(skip)})
    manager.discover_files([file.file for file in files], recursive=False)
    manager.run_tests()
    for issue in manager.results:
        text = "Possible hardcoded password" if issue.test_id in QUOTES_SECRETS else issue.text
        severity = of_bandit(issue.severity, issue.confidence)
        answer.add(issue.fname.removeprefix("./"), f"bandit/{issue.test_id}", severity, issue.lineno, text)
