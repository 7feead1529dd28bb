"""The program of an engine process: reads what to analyse from standard input, writes what it found to a file.

Question: {"engine", "options", "answer": file to write, "files": [{"file", "path", "language", "test"}]}, the files
relative to the working folder. Answer: {file: {"findings": [[rule, severity, line, message]], "measures": {…}}}.
Only the engine that is asked for is imported. Nothing of the files is imported or run.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Final

from assay_audit.adapters.engines.task import Answer, Task

ENGINES: Final = {
    "bandit": "bandit_engine",
    "complexipy": "complexipy_engine",
    "lizard": "lizard_engine",
    "ruff": "ruff_engine",
    "secrets": "secrets_engine",
    "tests": "tests_engine",
    "text": "text_engine",
    "vulture": "vulture_engine",
}
RECURSION: Final = 5_000
"""Depth for deeply nested, generated code; what nests deeper is left out by the engines."""


def main() -> int:
    """Analyse what standard input asks for; returns the exit code."""
    question = json.load(sys.stdin)
    task = Task.from_json(question)
    sys.setrecursionlimit(RECURSION)
    engine = importlib.import_module(f"assay_audit.adapters.engines.{ENGINES[question['engine']]}")
    answer: Answer = engine.analyse(task)
    Path(question["answer"]).write_text(json.dumps(answer.to_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
