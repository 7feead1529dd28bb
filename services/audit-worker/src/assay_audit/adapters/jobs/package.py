"""What worker and Job must agree on: above all a question with its files, as one tar archive."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any, Final

from assay_audit.adapters.engines.process import Question

QUESTION_HEADER: Final = "x-question"
POLL_SECONDS: Final = 10.0
"""How long a lane waits for a question before it asks again."""

QUESTION: Final = "question.json"
FILES: Final = "files"
"""The folder of the files; the rest is the worker's."""


def pack(question: Question, files: Path, package: Path) -> None:
    """Write the question and the files that it is about."""
    asked = json.dumps(dict(question)).encode()
    with tarfile.open(package, "w") as tar:
        entry = tarfile.TarInfo(QUESTION)
        entry.size = len(asked)
        tar.addfile(entry, io.BytesIO(asked))
        for described in question["files"]:
            entry = tarfile.TarInfo(f"{FILES}/{described['file']}")
            with (files / described["file"]).open("rb") as file:
                entry.size = (files / described["file"]).stat().st_size
                tar.addfile(entry, file)


def unpack(package: Path, folder: Path) -> dict[str, Any]:
    """Unpack it into an empty folder; the question, whose files lie below `FILES`."""
    (folder / FILES).mkdir()
    with tarfile.open(package) as tar:
        tar.extractall(folder, filter="data")
    question: dict[str, Any] = json.loads((folder / QUESTION).read_bytes())
    return question
