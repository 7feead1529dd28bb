"""Exports files, lets an engine analyse them in processes of its own, and reads what it found."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from assay_audit.adapters.processes import Limits, TimedOut, TooMuchOutput, environment, run
from assay_audit.application.ports import Mirror, Scratch
from assay_audit.domain.analysis import Analysis, Engine
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.files import SourceFile, is_binary
from assay_audit.domain.findings import RawFinding, context_of, printable
from assay_audit.domain.kinds import Severity

PROGRAM: Final = "assay_audit.adapters.engines.program"
OWN_ENGINES: Final[Mapping[str, str]] = {"text": "1", "tests": "1"}
"""Engines that are part of this service, with versions of their own: raised when they find something else."""
DISTRIBUTIONS: Final[Mapping[str, str]] = {"secrets": "bc-detect-secrets"}
"""Where an engine's name is not its distribution's."""
RULES_VERSION: Final = "1"
"""Raised when our reading of the engines' results changes (severities, limits)."""
BATCH_BYTES: Final = 200_000
"""Bytes of source from which on it is worth to start another process."""

_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


CRASHES: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL})
"""How engines written in other languages go down over a file, for instance one that nests too deeply."""
MAX_CRASHES: Final = 40
"""Crashes over one part after which it is the engine that is broken, not a few files."""


class EngineCrashed(EngineFailed):
    """A file took the engine down."""


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
class Exported:
    """A file as the engine sees it: `<number>/<name>`, whatever its path in the repository is."""

    source: SourceFile
    file: Path
    binary: bool


@dataclass(slots=True)
class EngineProcesses:
    """The port `Engines`. At most `processes` of them run at a time in this worker."""

    scratch: Scratch
    limits: Limits
    processes: int
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.processes)

    def version(self, engine: str) -> str:
        """The engine's version: with another one, everything is analysed anew."""
        own = OWN_ENGINES.get(engine) or version(DISTRIBUTIONS.get(engine, engine))
        return f"{own}+{RULES_VERSION}"

    async def run(
        self, engine: Engine, files: Sequence[SourceFile], mirror: Mirror, *, together: bool
    ) -> Mapping[str, Analysis]:
        """Analyse files, by path; binary ones are not shown to the engine. Raises EngineFailed."""
        async with self.scratch.folder() as folder:
            exported = await _export(files, mirror, folder)
            shown = [item for item in exported if not item.binary]
            parts = [shown] if together else _shared_out(shown, self.processes)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._outcome(engine, part, folder / f"part-{number}"))
                         for number, part in enumerate(parts)]  # fmt: skip
            found: dict[str, Analysis] = {
                item.source.path: Analysis(measures={"binary": True}) for item in exported if item.binary
            }
            for task in tasks:
                outcome = task.result()
                if isinstance(outcome, EngineFailed):
                    raise outcome
                found.update(outcome)
        return found

    async def _outcome(
        self, engine: Engine, part: Sequence[Exported], folder: Path
    ) -> Mapping[str, Analysis] | EngineFailed:
        """Failures are returned: raised inside a task group they would come out wrapped."""
        try:
            return await self._part(engine, part, folder, _Crashes())
        except EngineFailed as error:
            return error

    async def _part(
        self, engine: Engine, part: Sequence[Exported], folder: Path, crashes: "_Crashes"
    ) -> dict[str, Analysis]:
        """Analyse a part. When a file takes the engine down, halves are tried until that file is left alone with it."""
        try:
            async with self.slots:
                raw = await self._process(engine, part, folder)
        except EngineCrashed as crash:
            crashes.count(crash)
            if len(part) == 1:
                return {part[0].source.path: _crashed(engine, part[0])}
            middle = len(part) // 2
            first = await self._part(engine, part[:middle], folder.with_name(f"{folder.name}a"), crashes)
            return first | await self._part(engine, part[middle:], folder.with_name(f"{folder.name}b"), crashes)
        return await asyncio.to_thread(_analyses, raw, part)

    async def _process(self, engine: Engine, part: Sequence[Exported], folder: Path) -> dict[str, Any]:
        await asyncio.to_thread(folder.mkdir)
        answer = folder / "answer.json"
        question = {
            "engine": engine.name,
            "options": dict(engine.options),
            "answer": str(answer),
            "files": [_description(item) for item in part],
        }
        (folder / "question.json").write_text(json.dumps(question))
        try:
            with (folder / "question.json").open("rb") as stdin:
                # Isolated mode: no folder of the files, and nothing of the environment, is ever imported from.
                done = await run(
                    [sys.executable, "-I", "-m", PROGRAM],
                    folder=folder.parent,
                    env=environment(folder),
                    limits=self.limits,
                    stdin=stdin,
                )
        except (TimedOut, TooMuchOutput) as error:
            raise EngineFailed(f"{engine.name} failed: {error}", engine=engine.name) from error
        if -done.code in CRASHES:
            raise EngineCrashed(f"{engine.name} failed: {_why(done.code, '')}", engine=engine.name)
        if done.code != 0 or not answer.exists():
            raise EngineFailed(f"{engine.name} failed: {_why(done.code, done.stderr)}", engine=engine.name)
        try:
            read: dict[str, Any] = json.loads(await asyncio.to_thread(answer.read_bytes))
        except ValueError as error:
            raise EngineFailed(f"{engine.name} failed: its answer is cut off", engine=engine.name) from error
        return read


async def _export(files: Sequence[SourceFile], mirror: Mirror, folder: Path) -> list[Exported]:
    blobs = list(dict.fromkeys(file.blob for file in files))
    wanted: dict[str, list[tuple[int, SourceFile]]] = {blob: [] for blob in blobs}
    for number, file in enumerate(files):
        wanted[file.blob].append((number, file))
    exported: list[Exported] = []
    async for blob, content in mirror.blobs(blobs):
        binary = is_binary(content)
        for number, file in wanted[blob]:
            place = folder / str(number) / _safe_name(file.name)
            if not binary:
                place.parent.mkdir()
                place.write_bytes(content)
            exported.append(Exported(file, place, binary))
    return exported


def _safe_name(name: str) -> str:
    """The name if it is harmless, since engines look at names (`__init__.py`, endings); else only its ending."""
    if _SAFE_NAME.fullmatch(name):
        return name
    ending = Path(name).suffix
    return f"file{ending}" if _SAFE_NAME.fullmatch(f"file{ending}") else "file"


def _shared_out(files: Sequence[Exported], processes: int) -> list[list[Exported]]:
    """Parts of about the same size for as many processes as are worth starting."""
    if not files:
        return []
    total = sum(item.source.size for item in files)
    count = max(1, min(processes, total // BATCH_BYTES, len(files)))
    parts: list[list[Exported]] = [[] for _ in range(count)]
    loads = [0] * count
    for item in sorted(files, key=lambda item: -item.source.size):
        lightest = loads.index(min(loads))
        parts[lightest].append(item)
        loads[lightest] += item.source.size
    return parts


def _description(item: Exported) -> dict[str, Any]:
    return {
        "file": str(item.file.relative_to(item.file.parent.parent)),
        "path": item.source.path,
        "language": item.source.language,
        "test": item.source.is_test,
    }


def _crashed(engine: Engine, item: Exported) -> Analysis:
    text = f"{engine.name} cannot read this file: it went down over it"
    return Analysis((RawFinding(f"{engine.name}/crash", Severity.WARNING, text, item.source.path),))


def _analyses(raw: Mapping[str, Any], part: Sequence[Exported]) -> dict[str, Analysis]:
    return {item.source.path: _analysis(raw.get(_description(item)["file"], {}), item) for item in part}


def _analysis(raw: Mapping[str, Any], item: Exported) -> Analysis:
    found = raw.get("findings", [])
    lines = item.file.read_text("utf-8", "surrogateescape").splitlines() if found else []
    return Analysis(
        tuple(
            RawFinding(rule, Severity(severity), printable(message), item.source.path, line, context_of(lines, line))
            for rule, severity, line, message in found
        ),
        raw.get("measures", {}),
    )


def _why(code: int, stderr: str) -> str:
    with suppress(IndexError):
        return printable(stderr.strip().splitlines()[-1])[:300]
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
