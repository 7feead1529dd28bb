"""Which files of a commit are audited, as what, and which are left out and why."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

LINK: Final = "symbolic link"
SUBMODULE: Final = "submodule"
BINARY: Final = "binary"
TOO_LARGE: Final = "too large"
LONG_PATH: Final = "path too long"
VENDORED: Final = "vendored"
GENERATED: Final = "generated"
TOO_MANY: Final = "too many files"

MAX_PATH: Final = 1_000
"""Characters of a path; git knows no limit."""
BINARY_PROBE: Final = 8_000
"""Bytes in which a NUL makes a file binary: git's own rule."""

_VENDORED: Final = frozenset({"node_modules", "vendor", "third_party", "site-packages", ".venv", "venv"})
_GENERATED: Final = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi", ".min.js", ".min.css", ".pb.go")

LANGUAGES: Final[Mapping[str, str]] = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript",
    ".jsx": "javascript", ".ts": "typescript", ".tsx": "tsx", ".vue": "vue", ".java": "java", ".kt": "kotlin",
    ".scala": "scala", ".go": "go", ".rs": "rust", ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp",
    ".hpp": "cpp", ".cs": "csharp", ".m": "objc", ".swift": "swift", ".rb": "ruby", ".php": "php", ".pl": "perl",
    ".lua": "lua", ".r": "r", ".sol": "solidity", ".erl": "erlang", ".f90": "fortran", ".gd": "gdscript",
    ".zig": "zig", ".sh": "shell", ".sql": "sql",
}  # fmt: skip
"""Programming languages by file name ending: what counts as lines of code."""

_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing", "__tests__", "spec", "specs"})


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a commit's tree, as git lists it."""

    mode: str
    object_id: str
    size: int
    """Bytes; 0 for a submodule."""
    path: str
    """Printable: bytes that are no UTF-8 and control characters are written as escapes."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that is audited."""

    path: str
    blob: str
    size: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def language(self) -> str | None:
        """The programming language, or None for other text."""
        return LANGUAGES.get(PurePosixPath(self.name).suffix.lower())

    @property
    def is_test(self) -> bool:
        """Whether it belongs to the tests, by the usual conventions of the languages."""
        *folders, name = self.path.lower().split("/")
        stem = name.partition(".")[0]
        return (
            not _TEST_FOLDERS.isdisjoint(folders)
            or stem.startswith("test_")
            or stem.endswith(("_test", "_tests", "_spec"))
            or ".test." in name
            or ".spec." in name
            or stem == "conftest"
            or self.name.partition(".")[0].endswith(("Test", "Tests"))
        )

    @property
    def variant(self) -> str:
        """What, besides the content, decides what engines say of it; a part of the cache's key."""
        words = [self.language or "text", PurePosixPath(self.name).suffix]
        if self.name == "__init__.py":
            words.append("init")
        if self.is_test:
            words.append("test")
        return "/".join(words)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The files of a commit, sorted out."""

    entries: tuple[TreeEntry, ...]
    files: tuple[SourceFile, ...]
    skipped: Mapping[str, int]
    """Number of files by the reason for which they are left out; binary ones are known only once they are read."""

    def code(self, *, language: str | None = None, tests: bool | None = None) -> list[SourceFile]:
        """The files in a programming language (a given one), tests only or no tests if asked."""
        return [
            file
            for file in self.files
            if file.language is not None
            and (language is None or file.language == language)
            and (tests is None or file.is_test == tests)
        ]


def take_inventory(entries: Iterable[TreeEntry], *, max_bytes: int, max_files: int) -> Inventory:
    """Sort the tree's entries: regular text-sized files are audited, the rest is counted by reason."""
    every = tuple(entries)
    files: list[SourceFile] = []
    skipped: Counter[str] = Counter()
    for entry in every:
        reason = _reason_to_skip(entry, max_bytes)
        if reason is None and len(files) >= max_files:
            reason = TOO_MANY
        if reason is None:
            files.append(SourceFile(entry.path, entry.object_id, entry.size))
        else:
            skipped[reason] += 1
    return Inventory(every, tuple(files), dict(skipped))


def is_binary(content: bytes) -> bool:
    """Whether git would call it binary."""
    return b"\0" in content[:BINARY_PROBE]


def lines_in(content: bytes) -> int:
    """Number of lines with something on them."""
    return sum(1 for line in content.splitlines() if line.strip())


def printable_path(raw: bytes) -> str:
    """The path as text that can be stored and shown; what is not printable UTF-8 is escaped."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _reason_to_skip(entry: TreeEntry, max_bytes: int) -> str | None:
    *folders, name = entry.path.split("/")
    reasons = (
        (LINK, entry.mode == "120000"),
        (SUBMODULE, entry.mode == "160000"),
        (TOO_LARGE, entry.size > max_bytes),
        (LONG_PATH, len(entry.path) > MAX_PATH),
        (VENDORED, not _VENDORED.isdisjoint(folders)),
        (GENERATED, name.endswith(_GENERATED)),
    )
    return next((reason for reason, applies in reasons if applies), None)
