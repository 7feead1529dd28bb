import pytest

from assay_audit.domain.history import Change, Commit, LargeObject, judge_history
from assay_audit.domain.kinds import Severity


def commit(number: int, subject: str = "Add a thing that matters", *changes: Change, author="a@x", parents=1) -> Commit:
    return Commit(f"{number:040x}", author, subject, parents, changes)


def rules(commits, lines=None, large=()):
    return sorted(finding.rule for finding in judge_history(commits, lines or {}, large))


def test_good_commits_have_no_findings():
    assert rules([commit(1), commit(2, "Fix the rounding of prices", Change("a.py", 3, 1))]) == []


@pytest.mark.parametrize(
    ("subject", "rule"),
    [
        ("", "git/empty-message"),
        ("  ", "git/empty-message"),
        ("wip", "git/vague-message"),
        ("Fix!", "git/vague-message"),
        ("...", "git/vague-message"),
        ("x" * 73, "git/long-subject"),
    ],
)
def test_messages_that_say_too_little_or_too_much(subject, rule):
    assert rules([commit(1, subject)]) == [rule]


def test_merges_are_not_their_authors_work():
    assert rules([commit(1, "wip", Change("a.py", 90_000, 0), parents=2)]) == []


def test_large_commits_but_the_first_and_but_derived_files():
    big = Change("a.py", 1_200, 0)
    assert rules([commit(1, "Add all of it", big)]) == ["git/large-commit"]
    assert rules([commit(1, "Begin with all of it", big, parents=0)]) == []
    assert rules([commit(1, "Lock new versions", Change("uv.lock", 90_000, 0))]) == []
    worse = judge_history([commit(1, "Add the world", Change("a.py", 6_000, 0))], {}, [])
    assert worse[0].severity is Severity.WARNING


def test_a_long_file_that_changes_often_is_a_hot_spot():
    changes = [commit(n, "Change a rule of it", Change("a.py", 1, 1), Change("b.py", 1, 1)) for n in range(10)]
    found = judge_history(changes, {"a.py": 400, "b.py": 20}, [])
    assert [(finding.rule, finding.path) for finding in found] == [("git/hot-spot", "a.py")]


def test_one_author_of_nearly_everything_is_a_bus_factor_of_one():
    lonely = [commit(n, "Change a rule of it", Change("a.py", 10, 0)) for n in range(40)]
    shared = [commit(n, "Change a rule", Change("a.py", 10, 0), author=f"{n % 3}@x") for n in range(40)]
    assert rules(lonely) == ["git/bus-factor"]
    assert rules(shared) == []
    assert rules(lonely[:5]) == []


def test_binaries_in_many_versions_and_huge_objects():
    changes = [commit(n, "Change the logo again", Change("logo.png", 0, 0, binary=True)) for n in range(5)]
    assert rules(changes, large=[LargeObject("c" * 40, 9_000_000, "old.zip")]) == [
        "git/binary-versions",
        "git/huge-object",
    ]


def test_a_finding_about_a_commit_is_known_by_its_id():
    first, second = judge_history([commit(1, "wip"), commit(2, "wip")], {}, [])
    assert first.context != second.context
