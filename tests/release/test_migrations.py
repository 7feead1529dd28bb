"""Expand and contract: a migration takes nothing from under the release that still runs while it is rolled out.

A migration that ends something says since when nobody uses it, in a module variable that the next reader sees:

    contract = "since 1.4.0 nobody reads prompts.old_name"

and is written one release later. What a migration does is recorded by running it, so helpers are looked through.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

MIGRATIONS = sorted(ROOT.glob("services/*/src/*/migrations/versions/*.py"))
TAKES_AWAY = {
    "DROP": r"\bdrop\s+(table|column|view|type|schema|constraint|function|sequence)\b",
    "RENAME": r"\brename\b",
    "TYPE": r"\balter\s+(column\s+)?\w+\s+(set\s+data\s+)?type\b",
    "NOT NULL": r"\bset\s+not\s+null\b",
    "REVOKE": r"\brevoke\b",
    "TRUNCATE": r"\btruncate\b",
    "NOT NULL without DEFAULT": r"\badd\s+(column\s+)?(?!constraint\b)\w+\s+(?![^,;]*\bdefault\b)[^,;]*\bnot\s+null\b",
    "constraint on rows that are there": r"\badd\s+(constraint\s+\w+\s+)?(check|unique|foreign\s+key|exclude)\b",
    "unique index on rows that are there": r"\bcreate\s+unique\s+index\b",
}


class Recorder:
    """Notes SQL instead of running it."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, sqltext: str) -> None:
        """What `alembic.op` has."""
        self.statements.append(str(sqltext))


def statements_of(module: ModuleType) -> list[str]:
    """The statements of its upgrade."""
    recorder = Recorder()
    module.op = recorder  # type: ignore[attr-defined]
    module.upgrade()
    return [each for block in recorder.statements for each in block.split(";") if each.strip()]


def taken_away(statements: list[str]) -> list[str]:
    """What of it the code that ran before might miss; tables that the same migration makes are nobody's yet."""
    created = {
        name
        for each in statements
        for name in re.findall(r"create\s+table\s+(?:if\s+not\s+exists\s+)?([\w.]+)", each, re.I)
    }
    found = []
    for statement in statements:
        touched = re.search(r"\b(?:alter\s+table|on)\s+(?:only\s+)?([\w.]+)", statement, re.I)
        if touched and touched[1] in created:
            continue
        text = re.sub(r"'[^']*'|--[^\n]*", "", statement)
        found += [
            f"{name}: {' '.join(statement.split())}" for name, rule in TAKES_AWAY.items() if re.search(rule, text, re.I)
        ]
    return found


def loaded(path: Path) -> ModuleType:
    """The migration as a module."""
    spec = importlib.util.spec_from_file_location(f"migration_{path.parts[-5]}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def released(revision: str) -> set[str]:
    """The migrations of a revision, by path."""
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", revision, "services"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {line for line in listed.stdout.splitlines() if "/migrations/versions/" in line}


def test_new_migrations_only_add(previous_revision: str) -> None:
    before = released(previous_revision)
    assert before, "the previous release has no migrations: is deploy/previous-release right?"
    for path in MIGRATIONS:
        if str(path.relative_to(ROOT)) not in before:
            module = loaded(path)
            problems = taken_away(statements_of(module))
            assert not problems or getattr(module, "contract", ""), (
                f"{path.relative_to(ROOT)} takes something from the release that still runs: {problems}. "
                'Add only; take away one release later, in a migration that says `contract = "since … nobody …"`.'
            )


def test_released_migrations_do_not_change(previous_revision: str) -> None:
    """A database that has run one will not run it again."""
    for name in sorted(released(previous_revision)):
        now = ROOT / name
        assert now.exists(), f"{name} is gone"
        then = subprocess.run(["git", "show", f"{previous_revision}:{name}"], cwd=ROOT, check=True, capture_output=True)
        assert now.read_bytes() == then.stdout, f"{name} was released: write a new one"


@pytest.mark.parametrize(
    ("statements", "problems"),
    [
        (["ALTER TABLE auth.users DROP COLUMN name"], ["DROP"]),
        (["ALTER TABLE auth.users RENAME COLUMN name TO title"], ["RENAME"]),
        (["ALTER TABLE auth.users ALTER COLUMN name TYPE bytea"], ["TYPE"]),
        (["ALTER TABLE auth.users ALTER COLUMN name SET NOT NULL"], ["NOT NULL"]),
        (["ALTER TABLE auth.users ADD COLUMN age integer NOT NULL"], ["NOT NULL without DEFAULT"]),
        (["ALTER TABLE auth.users ADD COLUMN a text, ADD age integer NOT NULL"], ["NOT NULL without DEFAULT"]),
        (["ALTER TABLE auth.users ADD CONSTRAINT c CHECK (age > 0)"], ["constraint on rows that are there"]),
        (["CREATE UNIQUE INDEX i ON auth.users (name)"], ["unique index on rows that are there"]),
        (["REVOKE SELECT ON auth.users FROM assay_auth_app"], ["REVOKE"]),
        (["ALTER TABLE auth.users ADD COLUMN age integer NOT NULL DEFAULT 0"], []),
        (["ALTER TABLE auth.users ADD COLUMN age integer"], []),
        (["CREATE INDEX i ON auth.users (name)"], []),
        (["CREATE TABLE auth.new (a integer NOT NULL)", "CREATE UNIQUE INDEX i ON auth.new (a)"], []),
        (["COMMENT ON TABLE auth.users IS 'do not drop column name'"], []),
    ],
    ids=lambda value: value[0][:60] if value else "nothing",
)
def test_what_takes_away_is_recognised(statements: list[str], problems: list[str]) -> None:
    assert [found.split(":")[0] for found in taken_away(statements)] == problems
