"""ruff, by its command line: one process for all files, whatever the repository configures."""

import json
import os
import subprocess

from ruff import find_ruff_bin  # type: ignore[import-untyped]

from assay_audit.adapters.engines.task import Answer, Task
from assay_audit.domain.severities import of_ruff

# The newest syntax there is: what is valid for some Python is no syntax error.
TARGET = "py314"


def analyse(task: Task) -> Answer:
    """Check the files by the rules that the options select."""
    answer = Answer()
    done = subprocess.run(
        [
            find_ruff_bin(), "check", "--isolated", "--no-cache", "--exit-zero", "--quiet", "--output-format=json",
            "--line-length=120", f"--target-version={TARGET}",
            f"--select={','.join(task.options['select'])}", f"--ignore={','.join(task.options['ignore'])}",
            "--", *(file.file for file in task),
        ],
        check=False, stdout=subprocess.PIPE,
    )  # fmt: skip
    if done.returncode < 0:
        # Told on, so that the file that did it can be found.
        os.kill(os.getpid(), -done.returncode)
    done.check_returncode()
    for found in json.loads(done.stdout or b"[]"):
        code = found["code"] or "invalid-syntax"
        file = os.path.relpath(found["filename"])
        answer.add(file, f"ruff/{code}", of_ruff(code), found["location"]["row"], found["message"])
    return answer
