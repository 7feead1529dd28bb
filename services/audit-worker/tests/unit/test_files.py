import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_audit.domain.files import SourceFile, TreeEntry, is_binary, printable_path, take_inventory


def entry(path: str, *, mode: str = "100644", size: int = 10) -> TreeEntry:
    return TreeEntry(mode, "b" * 40, size, path)


def file(path: str) -> SourceFile:
    return SourceFile(path, "b" * 40, 10)


def test_what_is_no_regular_text_file_is_skipped_and_counted_by_reason():
    inventory = take_inventory(
        [
            entry("a.py"),
            entry("run.sh", mode="100755"),
            entry("link", mode="120000"),
            entry("sub", mode="160000", size=0),
            entry("data.csv", size=2_000),
            entry("x/" * 600 + "deep.py"),
            entry("node_modules/left/pad.js"),
            entry("gen/a_pb2.py"),
        ],
        max_bytes=1_000,
        max_files=10,
    )
    assert [found.path for found in inventory.files] == ["a.py", "run.sh"]
    assert inventory.skipped == {
        "symbolic link": 1,
        "submodule": 1,
        "too large": 1,
        "path too long": 1,
        "vendored": 1,
        "generated": 1,
    }
    assert len(inventory.entries) == 8


def test_more_files_than_allowed_are_counted():
    inventory = take_inventory([entry(f"{n}.py") for n in range(5)], max_bytes=1_000, max_files=3)
    assert len(inventory.files) == 3
    assert inventory.skipped == {"too many files": 2}


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.py",
        "src/test_a.py",
        "a_test.go",
        "web/cart.spec.ts",
        "web/__tests__/cart.js",
        "conftest.py",
        "src/CartTest.java",
        "spec/cart_spec.rb",
        "a.test.tsx",
    ],
)
def test_files_that_are_tests(path):
    assert file(path).is_test


@pytest.mark.parametrize("path", ["src/contest.py", "latest.py", "src/testament.py", "attest/a.py", "protest.go"])
def test_files_that_are_no_tests(path):
    assert not file(path).is_test


def test_languages_and_variants():
    assert file("a.py").language == "python"
    assert file("README.md").language is None
    assert file("a/__init__.py").variant != file("a/b.py").variant
    assert file("tests/b.py").variant != file("a/b.py").variant


@given(st.binary())
def test_any_path_becomes_printable(raw):
    assert printable_path(raw).isprintable()


def test_a_nul_makes_a_file_binary():
    assert is_binary(b"ab\0c")
    assert not is_binary("äöü".encode("latin-1"))
