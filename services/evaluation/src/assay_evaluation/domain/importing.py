"""Reads JSONL and CSV files row by row; every row becomes an example or an error that names its line."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from assay_evaluation.domain.datasets import Example, FileFormat
from assay_evaluation.domain.errors import TooManyRows

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
MAX_ROWS: Final = 100_000
MAX_REPORTED_ERRORS: Final = 100
MAX_DEPTH: Final = 20
"""Levels of nesting in a row: protobuf refuses to read messages nested a hundred deep, and a level takes three."""
EXPECTED_COLUMN: Final = "expected"

_KEYS: Final = frozenset({"inputs", "expected", "metadata"})

# A field may be as large as a file; the module's own limit (128 KiB) is one for the whole process.
csv.field_size_limit(MAX_FILE_BYTES)


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was refused; lines count from 1."""

    line: int
    message: str


@dataclass(slots=True)
class ParsedFile:
    """What a file held: the good rows in their order, and what was wrong with the others."""

    examples: list[Example] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    """At most MAX_REPORTED_ERRORS; `rejected` counts all."""
    rejected: int = 0

    def importable(self, *, skip_invalid: bool) -> bool:
        """Whether a version can be made of it."""
        return bool(self.examples) and (skip_invalid or self.rejected == 0)


class _BadRowError(Exception):
    """Why a row cannot be read, in words for whoever wrote the file."""


def parse(content: bytes, file_format: FileFormat) -> ParsedFile:
    """Read a file in UTF-8 (a byte order mark is tolerated).

    Raises:
        TooManyRows: it has more than MAX_ROWS rows.
    """
    parsed = ParsedFile()
    for row in _rows(content, file_format):
        if len(parsed.examples) + parsed.rejected >= MAX_ROWS:
            raise TooManyRows(f"the file has more than {MAX_ROWS} rows; split it over several datasets")
        if isinstance(row, Example):
            parsed.examples.append(row)
            continue
        parsed.rejected += 1
        if len(parsed.errors) < MAX_REPORTED_ERRORS:
            parsed.errors.append(row)
    if not parsed.examples and not parsed.rejected:
        parsed.rejected = 1
        parsed.errors.append(RowError(1, "the file has no rows"))
    return parsed


def _rows(content: bytes, file_format: FileFormat) -> Iterator[Example | RowError]:
    # Bytes that are not UTF-8 become lone surrogates, so that the row they stand in can be named.
    newline = "\n" if file_format is FileFormat.JSONL else ""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="surrogateescape", newline=newline)
    return _jsonl_rows(text) if file_format is FileFormat.JSONL else _csv_rows(text)


def _jsonl_rows(text: io.TextIOWrapper) -> Iterator[Example | RowError]:
    for number, line in enumerate(map(str.rstrip, text), start=1):
        if not line:
            continue
        try:
            yield _example_from_json(line)
        except _BadRowError as problem:
            yield RowError(number, str(problem))


def _example_from_json(line: str) -> Example:
    _check_text(line)
    try:
        row = json.loads(line, parse_constant=_not_json, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise _BadRowError(f"is not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise _BadRowError("is nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise _BadRowError("holds a number that is too long") from error
    if not isinstance(row, dict):
        raise _BadRowError('is not an object such as {"inputs": {…}, "expected": "…"}')
    if unknown := sorted(row.keys() - _KEYS):
        raise _BadRowError(f"has unknown keys: {', '.join(unknown)}; known are inputs, expected and metadata")
    if not isinstance(row.get("inputs"), dict):
        raise _BadRowError("inputs is missing" if "inputs" not in row else "inputs is not an object")
    expected, metadata = row.get("expected"), row.get("metadata") or {}
    if expected is not None and not isinstance(expected, str):
        raise _BadRowError("expected is not a text")
    if not isinstance(metadata, dict):
        raise _BadRowError("metadata is not an object")
    _check_values(row)
    return Example(row["inputs"], expected, metadata)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise _BadRowError(f"names {next(name for name in names if names.count(name) > 1)!r} twice")
    return row


def _not_json(constant: str) -> NoReturn:
    raise _BadRowError(f"is not JSON: {constant}")


def _check_values(value: Any, depth: int = 0) -> None:
    """Refuse what JSON can spell and a database or a protobuf Struct cannot keep."""
    if depth > MAX_DEPTH:
        raise _BadRowError("is nested too deeply")
    match value:
        case dict():
            for name, item in value.items():
                _check_text(name)
                _check_values(item, depth + 1)
        case list():
            for item in value:
                _check_values(item, depth + 1)
        case str():
            _check_text(value)
        case int() | float() if not _keeps_its_value(value):
            raise _BadRowError(f"the number {str(value)[:40]} cannot be kept exactly; write it as a text")


def _keeps_its_value(number: float) -> bool:
    try:
        return math.isfinite(number) and float(number) == number
    except OverflowError:
        return False


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _BadRowError("holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _BadRowError("is not UTF-8 text") from error


def _csv_rows(text: io.TextIOWrapper) -> Iterator[Example | RowError]:
    reader = csv.reader(text, strict=True)
    try:
        columns = _columns(reader)
    except _BadRowError as problem:
        yield RowError(1, str(problem))
        return
    if columns is None:
        return
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
            if cells:
                yield _example_from_cells(columns, cells)
        except StopIteration:
            return
        except csv.Error as error:
            yield RowError(line, f"is not CSV: {error}")
        except _BadRowError as problem:
            yield RowError(line, str(problem))


def _columns(reader: Iterator[list[str]]) -> list[str] | None:
    try:
        columns = next(reader, None)
    except csv.Error as error:
        raise _BadRowError(f"the header is not CSV: {error}") from error
    if columns is None:
        return None
    for column in columns:
        _check_text(column)
    if not columns or not all(columns):
        raise _BadRowError("the header has a column without a name")
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise _BadRowError(f"the header names columns twice: {', '.join(repeated)}")
    if columns == [EXPECTED_COLUMN]:
        raise _BadRowError("the header names no input, only the expected answer")
    return columns


def _example_from_cells(columns: list[str], cells: list[str]) -> Example:
    if len(cells) != len(columns):
        raise _BadRowError(f"has {len(cells)} cells, the header has {len(columns)}")
    for cell in cells:
        _check_text(cell)
    values = dict(zip(columns, cells, strict=True))
    expected = values.pop(EXPECTED_COLUMN, None)
    # CSV cannot tell an empty answer from none: an empty cell is none.
    return Example(values, expected or None, {})
