from assay_audit.domain.analysis import Analysis
from assay_audit.domain.files import SourceFile
from assay_audit.domain.history import Change, Commit
from assay_audit.domain.kinds import Severity
from assay_audit.domain.testing import judge_tests


def file(path: str) -> SourceFile:
    return SourceFile(path, "b" * 40, 10)


def judged(lines: dict[str, int], imports: dict[str, list[str]] | None = None, commits=()):
    analyses = {
        path: Analysis(measures={"functions": ["f"], "imports": (imports or {}).get(path, [])}) for path in lines
    }
    found = judge_tests([file(path) for path in lines], lines, analyses, list(commits))
    return sorted((finding.rule, finding.path) for finding in found)


def commit(*paths: str) -> Commit:
    return Commit("c" * 40, "a@x", "Change it", 1, tuple(Change(path, 1, 0) for path in paths))


def test_no_tests_is_an_error_and_the_only_one():
    analyses = {"a.py": Analysis(measures={"functions": ["f"], "imports": []})}
    found = judge_tests([file("a.py")], {"a.py": 100}, analyses, [])
    assert [(finding.rule, finding.severity) for finding in found] == [("tdd/no-tests", Severity.ERROR)]


def test_few_tests():
    assert judged({"src/cart.py": 100, "tests/test_cart.py": 30}) == [("tdd/few-tests", "")]
    assert judged({"src/cart.py": 100, "tests/test_cart.py": 60}) == []


def test_modules_are_reached_by_name_by_import_or_through_other_modules():
    lines = {"src/shop/cart.py": 50, "src/shop/tax.py": 50, "src/shop/rates.py": 50, "src/shop/dead.py": 50}
    lines |= {"tests/test_checkout.py": 200}
    imports = {
        "tests/test_checkout.py": ["shop.cart"],
        "src/shop/cart.py": [".tax", ".tax.f"],
        "src/shop/tax.py": ["shop.rates", "shop.rates.R"],
    }
    assert judged(lines, imports) == [("tdd/module-without-test", "src/shop/dead.py")]
    assert judged({"src/a.py": 50, "tests/test_a.py": 50}) == []


def test_small_modules_need_no_test():
    assert judged({"src/a.py": 10, "tests/test_b.py": 50}) == []


def test_code_that_changes_without_its_tests():
    alone = [commit("src/a.py")] * 12
    together = [commit("src/a.py", "tests/test_a.py")] * 12
    docs = [commit("README.md")] * 50
    lines = {"src/a.py": 50, "tests/test_a.py": 50}
    assert judged(lines, commits=alone) == [("tdd/untested-changes", "")]
    assert judged(lines, commits=[*together, *docs]) == []
    assert judged(lines, commits=alone[:5]) == []
