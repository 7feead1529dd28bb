"""Files as engines see them, and what they say of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from assay_audit.adapters.engines.process import Question
from assay_audit.application.ports import Mirror
from assay_audit.domain.analysis import Analysis, Engine
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.files import SourceFile, is_binary
from assay_audit.domain.findings import RawFinding, context_of, printable
from assay_audit.domain.kinds import Severity

MAX_LINE: Final = 2**31 - 1
"""What the database's integers hold."""

_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Exported:
    """A file as the engine sees it: `<number>/<name>`, whatever its path in the repository is."""

    source: SourceFile
    file: Path
    binary: bool

    @property
    def shown_as(self) -> str:
        """Its name relative to the folder of the files: the key of an answer."""
        return str(self.file.relative_to(self.file.parent.parent))


async def export(files: Sequence[SourceFile], mirror: Mirror, folder: Path) -> list[Exported]:
    """Write the files into the folder, but for binary ones."""
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


def question_about(engine: Engine, part: Sequence[Exported]) -> Question:
    """What the engine is asked about these files."""
    return {"engine": engine.name, "options": dict(engine.options), "files": [_description(item) for item in part]}


def analyses(engine: Engine, answer: bytes, part: Sequence[Exported]) -> dict[str, Analysis]:
    """Read an answer. Nothing in it is believed: an engine may have been taken over by what it read.

    Raises EngineFailed when it is no answer to the question.
    """
    try:
        read = _ANSWER.validate_json(answer)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        what = (
            "its answer is cut off" if problem["type"] == "json_invalid" else f"its answer is wrong: {problem['msg']}"
        )
        raise EngineFailed(f"{engine.name} failed: {printable(what)}", engine=engine.name) from None
    if not read.keys() <= {item.shown_as for item in part}:
        raise EngineFailed(f"{engine.name} failed: its answer is about files it was not asked for", engine=engine.name)
    return {item.source.path: _analysis(read.get(item.shown_as, _NOTHING), item) for item in part}


def _is_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not printable")
    return text


_Text = Annotated[str, AfterValidator(_is_printable)]
_Rule = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
_Line = Annotated[int, Field(ge=0, le=MAX_LINE)]
_Measure = bool | Annotated[int, Field(ge=0, le=2**53)] | list[_Text]


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    findings: list[tuple[_Rule, Severity, _Line, str]] = []
    measures: dict[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], _Measure] = {}


_ANSWER: Final = TypeAdapter(dict[str, _Said])
_NOTHING: Final = _Said()


def _analysis(said: _Said, item: Exported) -> Analysis:
    lines = item.file.read_text("utf-8", "surrogateescape").splitlines() if said.findings else []
    return Analysis(
        tuple(
            RawFinding(rule, severity, printable(message), item.source.path, line, context_of(lines, line))
            for rule, severity, line, message in said.findings
        ),
        said.measures,
    )


def _safe_name(name: str) -> str:
    """The name if it is harmless, since engines look at names (`__init__.py`, endings); else only its ending."""
    if _SAFE_NAME.fullmatch(name):
        return name
    ending = Path(name).suffix
    return f"file{ending}" if _SAFE_NAME.fullmatch(f"file{ending}") else "file"


def _description(item: Exported) -> dict[str, Any]:
    return {
        "file": item.shown_as,
        "path": item.source.path,
        "language": item.source.language,
        "test": item.source.is_test,
    }
