"""One engine process: asked over files in a folder, limited in time and memory."""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from assay_audit.adapters.processes import Limits, TimedOut, TooMuchOutput, environment, run
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.findings import printable

PROGRAM: Final = "assay_audit.adapters.engines.program"
CRASHES: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL})
"""How engines written in other languages go down over a file, for instance one that nests too deeply."""

Question = Mapping[str, Any]
"""{"engine", "options", "files": [{"file", "path", "language", "test"}]}; each file relative to the files' folder."""


class EngineCrashed(EngineFailed):
    """A file took the engine down."""


async def answer_in_process(question: Question, files: Path, home: Path, limits: Limits) -> bytes:
    """Let the engine answer; its process works in the folder of the files and may write to `home`.

    The answer is what the process wrote, read by nobody yet. Raises EngineFailed or EngineCrashed.
    """
    engine = str(question["engine"])
    answer = home / "answer.json"
    (home / "question.json").write_text(json.dumps({**question, "answer": str(answer)}))
    try:
        with (home / "question.json").open("rb") as stdin:
            # Isolated mode: no folder of the files, and nothing of the environment, is ever imported from.
            done = await run(
                [sys.executable, "-I", "-m", PROGRAM],
                folder=files,
                env=environment(home),
                limits=limits,
                stdin=stdin,
            )
    except (TimedOut, TooMuchOutput) as error:
        raise EngineFailed(f"{engine} failed: {error}", engine=engine) from error
    if -done.code in CRASHES:
        raise EngineCrashed(f"{engine} failed: {_why(done.code, '')}", engine=engine)
    if done.code != 0 or not answer.exists():
        raise EngineFailed(f"{engine} failed: {_why(done.code, done.stderr)}", engine=engine)
    return await asyncio.to_thread(answer.read_bytes)


def _why(code: int, stderr: str) -> str:
    with suppress(IndexError):
        return printable(stderr.strip().splitlines()[-1])[:300]
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
