"""Exports files, asks an engine about them in parts, and reads what it found."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from assay_audit.adapters.engines.exported import Exported, analyses, export, question_about
from assay_audit.adapters.engines.process import EngineCrashed, Question, answer_in_process
from assay_audit.adapters.processes import Limits
from assay_audit.application.ports import Mirror, Scratch
from assay_audit.domain.analysis import Analysis, Engine
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.files import SourceFile
from assay_audit.domain.findings import RawFinding
from assay_audit.domain.kinds import Severity
from assay_common.errors import AssayError, Unavailable

OWN_ENGINES: Final[Mapping[str, str]] = {"text": "1", "tests": "1"}
"""Engines that are part of this service, with versions of their own: raised when they find something else."""
DISTRIBUTIONS: Final[Mapping[str, str]] = {"secrets": "bc-detect-secrets"}
"""Where an engine's name is not its distribution's."""
RULES_VERSION: Final = "1"
"""Raised when our reading of the engines' results changes (severities, limits)."""
BATCH_BYTES: Final = 200_000
"""Bytes of source from which on it is worth to start another process."""
MAX_CRASHES: Final = 40
"""Crashes over one part after which it is the engine that is broken, not a few files."""


class Answers(Protocol):
    """Where engines answer questions: in processes beside this one, or in a Job of the cluster."""

    async def answer(self, audit_id: UUID, question: Question, files: Path, home: Path) -> bytes:
        """The answer to a question about files below a folder; `home` is an empty folder for what is written.

        Raises EngineFailed, EngineCrashed when a file took the engine down, or Unavailable.
        """


@dataclass(slots=True)
class EngineProcesses:
    """The port `Answers` in this worker: at most `processes` engines run at a time."""

    limits: Limits
    processes: int
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.processes)

    async def answer(self, audit_id: UUID, question: Question, files: Path, home: Path) -> bytes:  # noqa: ARG002
        """Run the engine here, whatever the audit."""
        async with self.slots:
            return await answer_in_process(question, files, home, self.limits)


@dataclass(slots=True)
class _Crashes:
    """How often the engine went down over a part."""

    number: int = 0

    def count(self, crash: EngineCrashed) -> None:
        """Raises EngineFailed when it is too often."""
        self.number += 1
        if self.number > MAX_CRASHES:
            raise EngineFailed(crash.message, **crash.details) from crash


@dataclass(frozen=True, slots=True)
class EngineRunner:
    """The port `Engines`: shares files out over at most `parts` questions."""

    scratch: Scratch
    answers: Answers
    parts: int

    def version(self, engine: str) -> str:
        """The engine's version: with another one, everything is analysed anew."""
        own = OWN_ENGINES.get(engine) or version(DISTRIBUTIONS.get(engine, engine))
        return f"{own}+{RULES_VERSION}"

    async def run(
        self, audit_id: UUID, engine: Engine, files: Sequence[SourceFile], mirror: Mirror, *, together: bool
    ) -> Mapping[str, Analysis]:
        """Analyse files, by path; binary ones are not shown to the engine. Raises EngineFailed or Unavailable."""
        async with self.scratch.folder() as folder:
            exported = await export(files, mirror, folder)
            shown = [item for item in exported if not item.binary]
            parts = [shown] if together else _shared_out(shown, self.parts)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._outcome(audit_id, engine, part, folder / f"part-{number}"))
                         for number, part in enumerate(parts)]  # fmt: skip
            found: dict[str, Analysis] = {
                item.source.path: Analysis(measures={"binary": True}) for item in exported if item.binary
            }
            for task in tasks:
                outcome = task.result()
                if isinstance(outcome, AssayError):
                    raise outcome
                found.update(outcome)
        return found

    async def _outcome(
        self, audit_id: UUID, engine: Engine, part: Sequence[Exported], home: Path
    ) -> Mapping[str, Analysis] | AssayError:
        """Failures are returned: raised inside a task group they would come out wrapped."""
        try:
            return await self._part(audit_id, engine, part, home, _Crashes())
        except (EngineFailed, Unavailable) as error:
            return error

    async def _part(
        self, audit_id: UUID, engine: Engine, part: Sequence[Exported], home: Path, crashes: _Crashes
    ) -> dict[str, Analysis]:
        """Analyse a part. When a file takes the engine down, halves are tried until that file is left alone with it."""
        await asyncio.to_thread(home.mkdir)
        try:
            answer = await self.answers.answer(audit_id, question_about(engine, part), home.parent, home)
        except EngineCrashed as crash:
            crashes.count(crash)
            if len(part) == 1:
                return {part[0].source.path: _crashed(engine, part[0])}
            middle = len(part) // 2
            first = await self._part(audit_id, engine, part[:middle], home.with_name(f"{home.name}a"), crashes)
            second = await self._part(audit_id, engine, part[middle:], home.with_name(f"{home.name}b"), crashes)
            return first | second
        return await asyncio.to_thread(analyses, engine, answer, part)


def _shared_out(files: Sequence[Exported], most: int) -> list[list[Exported]]:
    """Parts of about the same size, as many as are worth starting a process for."""
    if not files:
        return []
    total = sum(item.source.size for item in files)
    count = max(1, min(most, total // BATCH_BYTES, len(files)))
    parts: list[list[Exported]] = [[] for _ in range(count)]
    loads = [0] * count
    for item in sorted(files, key=lambda item: -item.source.size):
        lightest = loads.index(min(loads))
        parts[lightest].append(item)
        loads[lightest] += item.source.size
    return parts


def _crashed(engine: Engine, item: Exported) -> Analysis:
    text = f"{engine.name} cannot read this file: it went down over it"
    return Analysis((RawFinding(f"{engine.name}/crash", Severity.WARNING, text, item.source.path),))
