"""Are there tests, do they go with the code, and do they check anything."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from assay_audit.domain.analysis import Analyses
from assay_audit.domain.files import SourceFile
from assay_audit.domain.findings import RawFinding
from assay_audit.domain.history import Commit
from assay_audit.domain.kinds import Severity

RATIO: Final = (0.5, 0.2)
"""Lines of tests a line of code below which it is a note, and a warning."""
TOGETHER: Final = (0.5, 0.2)
"""Share of the commits changing code that change tests too, below which it is a note, and a warning."""
TOGETHER_COMMITS: Final = 10
"""Commits changing code from which on that share says something."""
WORTH_A_TEST: Final = 20
"""Lines of code from which on a module should have a test."""


def judge_tests(
    files: Sequence[SourceFile], lines: Mapping[str, int], analyses: Analyses, commits: Sequence[Commit]
) -> list[RawFinding]:
    """Judge tests as a whole; what is wrong with single tests is in the analyses already.

    Args:
        files: the code, tests included.
        lines: of the files, by path.
        analyses: of the Python files by the "tests" engine: measures `functions` and `imports`.
        commits: the history.
    """
    code = [file for file in files if not file.is_test]
    tests = [file for file in files if file.is_test]
    if not tests:
        return [RawFinding("tdd/no-tests", Severity.ERROR, f"{len(code)} source files and not one test")]
    return [
        *_ratio(lines, code, tests),
        *_together(commits),
        *_unreached_modules(lines, analyses, files),
    ]


def _ratio(lines: Mapping[str, int], code: Sequence[SourceFile], tests: Sequence[SourceFile]) -> Iterable[RawFinding]:
    code_lines = sum(lines.get(file.path, 0) for file in code)
    test_lines = sum(lines.get(file.path, 0) for file in tests)
    ratio = test_lines / code_lines if code_lines else 1.0
    if severity := _below(ratio, RATIO):
        text = f"{test_lines} lines of tests for {code_lines} lines of code ({ratio:.0%})"
        yield RawFinding("tdd/few-tests", severity, text)


def _together(commits: Sequence[Commit]) -> Iterable[RawFinding]:
    changing_code = together = 0
    for commit in commits:
        touched = [file for change in commit.changes if (file := SourceFile(change.path, "", 0)).language]
        if commit.is_merge or all(file.is_test for file in touched):
            continue
        changing_code += 1
        together += any(file.is_test for file in touched)
    if changing_code < TOGETHER_COMMITS:
        return
    share = together / changing_code
    if severity := _below(share, TOGETHER):
        text = f"{share:.0%} of {changing_code} commits that change code change tests with it"
        yield RawFinding("tdd/untested-changes", severity, text)


def _unreached_modules(
    lines: Mapping[str, int], analyses: Analyses, files: Sequence[SourceFile]
) -> Iterable[RawFinding]:
    """Python modules with functions that no test reaches, neither by name nor by following the imports."""
    named = {_stem(file).removeprefix("test_").removesuffix("_test") for file in files if file.is_test}
    reached = _reached(analyses, files)
    for file in files:
        if file.is_test or file.path in reached or _stem(file) in named:
            continue
        if _measure(analyses, file, "functions") and lines.get(file.path, 0) >= WORTH_A_TEST:
            text = "no test is named after it or imports it, directly or through other modules"
            yield RawFinding("tdd/module-without-test", Severity.NOTE, text, file.path)


def _reached(analyses: Analyses, files: Sequence[SourceFile]) -> set[str]:
    """Paths of what the tests import, and of what that imports, and so on."""
    by_name: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        for name in _module_names(file):
            by_name[name].append(file)
    reached: set[str] = set()
    waiting = [file for file in files if file.is_test]
    while waiting:
        importing = waiting.pop()
        for name in _measure(analyses, importing, "imports"):
            found = [file for file in by_name[_absolute(name, importing)] if file.path not in reached]
            reached.update(file.path for file in found)
            waiting.extend(found)
    return reached


def _measure(analyses: Analyses, file: SourceFile, name: str) -> Sequence[str]:
    """Names that the "tests" engine found in a Python file; none for others."""
    return analyses[file.path].measures.get(name, ()) if file.path in analyses else ()


def _absolute(name: str, importing: SourceFile) -> str:
    """The name of an import seen from the repository's root; `..shop` in `src/a/b.py` is `src.shop`."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    package = PurePosixPath(importing.path).parts[:-1]
    package = package[: max(0, len(package) - level + 1)]
    return ".".join(part for part in (*package, name[level:]) if part)


def _module_names(file: SourceFile) -> set[str]:
    """Names by which it may be imported: `src/shop/cart.py` is `src.shop.cart`, `shop.cart` or `cart`."""
    parts = PurePosixPath(file.path).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return {".".join(parts[start:]) for start in range(len(parts))}


def _stem(file: SourceFile) -> str:
    return PurePosixPath(file.name).stem


def _below(value: float, limits: tuple[float, float]) -> Severity | None:
    if value < limits[1]:
        return Severity.WARNING
    return Severity.NOTE if value < limits[0] else None
