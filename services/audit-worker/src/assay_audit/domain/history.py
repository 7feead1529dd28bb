"""What the history of a repository tells: messages, sizes of commits, hot spots, ownership, dead weight."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from assay_audit.domain.findings import RawFinding
from assay_audit.domain.kinds import Severity

MAX_SUBJECT: Final = 72
"""Characters of a subject line: what git's own tools and the forges show whole."""
LARGE_COMMIT: Final = (1_000, 5_000)
"""Changed lines above which a commit is a note, and a warning. Its first commit may be any size."""
HOT_SPOT: Final = (10, 300)
"""Changes of a file, and lines it has, from which on it is a hot spot: often changed and hard to change."""
HOT_SPOTS: Final = 10
"""Hot spots reported: the hottest."""
OWNED: Final = 0.8
"""Share of the changed lines that makes one author the only one who knows the code."""
OWNERSHIP_COMMITS: Final = 30
"""Commits from which on a history says something about ownership."""
REPEATED_BINARY: Final = 5
"""Versions of a binary file from which on it is reported: git keeps each of them whole."""
HUGE_BLOB: Final = 5 * 1024 * 1024
"""Bytes above which an object makes every clone slow, even when it is deleted today."""

_VAGUE: Final = frozenset(
    {"wip", "tmp", "temp", "fix", "fixes", "fixed", "update", "updates", "updated", "change", "changes", "changed"}
    | {"stuff", "misc", "test", "asdf", "foo", "commit", "save", "cleanup"}
)
_DERIVED: Final = (".lock", "package-lock.json", "pnpm-lock.yaml", "go.sum", ".svg", ".min.js", "_pb2.py", "_pb2.pyi")


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to one file."""

    path: str
    added: int
    deleted: int
    binary: bool = False

    @property
    def lines(self) -> int:
        """Changed lines; 0 for what nobody writes by hand."""
        return 0 if self.path.endswith(_DERIVED) else self.added + self.deleted


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the history, newest first."""

    id: str
    author: str
    subject: str
    parents: int
    changes: tuple[Change, ...] = ()

    @property
    def is_merge(self) -> bool:
        """Whether it joins branches; its message is not its author's and its changes are others'."""
        return self.parents > 1

    @property
    def lines(self) -> int:
        """Changed lines."""
        return sum(change.lines for change in self.changes)


@dataclass(frozen=True, slots=True)
class LargeObject:
    """A blob of the history, and a path it once had."""

    object_id: str
    size: int
    path: str


def judge_history(
    commits: Sequence[Commit], lines: Mapping[str, int], large: Iterable[LargeObject]
) -> list[RawFinding]:
    """Judge the history: `lines` of the files there are today, `large` objects anywhere in it."""
    own = [commit for commit in commits if not commit.is_merge]
    return [
        *(finding for commit in own for finding in _judge_message(commit)),
        *(finding for commit in own for finding in _judge_size(commit)),
        *_hot_spots(own, lines),
        *_ownership(own),
        *_repeated_binaries(own),
        *_dead_weight(large),
    ]


def _judge_message(commit: Commit) -> Iterable[RawFinding]:
    subject = commit.subject.strip()
    if not subject:
        yield _about(commit, "empty-message", Severity.WARNING, "has no message")
    elif subject.lower().strip("!. ") in _VAGUE or not any(c.isalnum() for c in subject):
        yield _about(commit, "vague-message", Severity.WARNING, f"says only {subject!r}")
    elif len(subject) > MAX_SUBJECT:
        text = f"has a subject of {len(subject)} characters; {MAX_SUBJECT} are shown everywhere"
        yield _about(commit, "long-subject", Severity.NOTE, text)


def _judge_size(commit: Commit) -> Iterable[RawFinding]:
    if not commit.parents:
        return
    if commit.lines > LARGE_COMMIT[0]:
        severity = Severity.WARNING if commit.lines > LARGE_COMMIT[1] else Severity.NOTE
        text = f"changes {commit.lines} lines in {len(commit.changes)} files; too much to review"
        yield _about(commit, "large-commit", severity, text)


def _hot_spots(commits: Sequence[Commit], lines: Mapping[str, int]) -> Iterable[RawFinding]:
    changes = Counter(change.path for commit in commits for change in commit.changes)
    hot = [
        (count * lines[path], count, path)
        for path, count in changes.items()
        if count >= HOT_SPOT[0] and lines.get(path, 0) >= HOT_SPOT[1]
    ]
    for _, count, path in sorted(hot, reverse=True)[:HOT_SPOTS]:
        text = f"changed by {count} commits and {lines[path]} lines long: a hot spot, worth splitting"
        yield RawFinding("git/hot-spot", Severity.WARNING, text, path)


def _ownership(commits: Sequence[Commit]) -> Iterable[RawFinding]:
    by_author: defaultdict[str, int] = defaultdict(int)
    for commit in commits:
        by_author[commit.author] += commit.lines
    total = sum(by_author.values())
    if len(commits) < OWNERSHIP_COMMITS or not total:
        return
    share = max(by_author.values()) / total
    if share > OWNED:
        who = f"one of {len(by_author)} authors" if len(by_author) > 1 else "a single author"
        text = f"{who} wrote {share:.0%} of the changed lines: a bus factor of one"
        yield RawFinding("git/bus-factor", Severity.NOTE, text)


def _repeated_binaries(commits: Sequence[Commit]) -> Iterable[RawFinding]:
    versions = Counter(change.path for commit in commits for change in commit.changes if change.binary)
    for path, count in versions.items():
        if count >= REPEATED_BINARY:
            text = f"a binary file in {count} versions, each kept whole in every clone"
            yield RawFinding("git/binary-versions", Severity.NOTE, text, path)


def _dead_weight(large: Iterable[LargeObject]) -> Iterable[RawFinding]:
    for item in large:
        text = f"an object of {item.size / 1024 / 1024:.0f} MiB is part of the history for ever"
        yield RawFinding("git/huge-object", Severity.WARNING, text, item.path, context=item.object_id)


def _about(commit: Commit, rule: str, severity: Severity, text: str) -> RawFinding:
    return RawFinding(f"git/{rule}", severity, f"commit {commit.id[:10]} {text}", context=commit.id)
