import asyncio
from uuid import uuid4

import pytest

from assay_audit.adapters.engines.runner import EngineProcesses, EngineRunner
from assay_audit.adapters.git.bundles import unpack
from assay_audit.adapters.git.mirror import GitMirror
from assay_audit.adapters.processes import Limits
from assay_audit.application.audits.integrity import BANDIT, SECRETS
from assay_audit.application.audits.servant import COMPLEXIPY, DOCSTRINGS, LIZARD
from assay_audit.application.audits.snapshot import TEXT
from assay_audit.application.audits.strict import RUFF, VULTURE
from assay_audit.application.audits.tdd import TESTS
from assay_audit.domain.analysis import Engine
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.files import take_inventory

GIB = 1024**3
GITHUB_TOKEN = "gh" + "p_" + "0123456789abcdefghij0123456789abcdef"

TANGLED = (
    "def tangled(a):\n"
    + "".join(f"{'    ' * depth}if a > {depth}:\n" for depth in range(1, 9))
    + "    " * 9
    + "return a\n"
)


@pytest.fixture
def analyse(work_tree, git, scratch, tmp_path):
    """Analyses files by an engine; answers (rule, line) by path."""

    async def run(engine: Engine, files: dict[str, str | bytes], *, together: bool = False, **limits):
        work_tree.put(files)
        work_tree.commit()
        (tmp_path / "it.bundle").write_bytes(work_tree.bundle())
        await unpack(git, tmp_path / "it.bundle", tmp_path / "it.git")
        mirror = GitMirror(git, tmp_path / "it.git", max_commits=10)
        limited = Limits(**{"seconds": 60, "memory_bytes": 4 * GIB, "file_bytes": GIB, **limits})
        engines = EngineRunner(scratch, EngineProcesses(limited, processes=2), parts=2)
        inventory = take_inventory(await mirror.tree("HEAD"), max_bytes=1_000_000, max_files=1_000)
        return await engines.run(uuid4(), engine, inventory.files, mirror, together=together)

    return run


def rules(analyses):
    return {
        path: [(finding.rule, finding.line) for finding in analysis.findings] for path, analysis in analyses.items()
    }


async def test_ruff_knows_its_rules_whatever_the_repository_configures(analyse):
    files = {
        "a.py": "import os\n\nprint(undefined)\n",
        "b.py": "import os  # noqa\n",
        "pyproject.toml": '[tool.ruff]\nselect = []\nextend-exclude = ["a.py"]\n',
        "broken.py": "def f(:\n",
    }
    found = rules(await analyse(RUFF, dict(files.items())))
    assert found["a.py"] == [("ruff/F401", 1), ("ruff/F821", 3)]
    assert found["b.py"] == []
    assert found["broken.py"][0][0] == "ruff/invalid-syntax"


async def test_ruff_finds_missing_docstrings(analyse):
    found = rules(await analyse(DOCSTRINGS, {"a.py": '"""It."""\n\n\ndef f():\n    return 1\n'}))
    assert found == {"a.py": [("ruff/D103", 4)]}


async def test_bandit_finds_unsafe_code_and_does_not_quote_passwords(analyse):
    unsafe = "import subprocess\n\npassword = 'hunter2hunter2'\nsubprocess.call('ls ' + password, shell=True)\n"
    analyses = await analyse(BANDIT, {"a.py": unsafe, "tests/test_a.py": "def test_a():\n    assert 1\n"})
    found = rules(analyses)
    assert ("bandit/B602", 4) in found["a.py"]
    assert ("bandit/B105", 3) in found["a.py"]
    assert found["tests/test_a.py"] == []
    assert not any("hunter2" in finding.message for finding in analyses["a.py"].findings)


async def test_secrets_are_found_in_any_text_and_never_quoted(analyse):
    analyses = await analyse(
        SECRETS,
        {
            "deploy.yaml": f"a: 1\ntoken: {GITHUB_TOKEN}\n",
            "latin.txt": f"\xe9 {GITHUB_TOKEN}".encode("latin-1"),
            "a.py": "x = 1\n",
            "é.md": "hello",
        },
    )
    found = rules(analyses)
    assert found["deploy.yaml"] == [("secrets/github-token", 2)]
    assert found["latin.txt"] == [("secrets/github-token", 1)]
    assert found["a.py"] == found["é.md"] == []
    assert GITHUB_TOKEN not in str(analyses)


async def test_vulture_sees_uses_in_other_files(analyse):
    files = {"a.py": "import json\n\n\ndef f():\n    return 1\n    print(2)\n", "b.py": "from a import f\n\nf()\n"}
    found = rules(await analyse(VULTURE, {**files, "broken.py": "def f(:"}, together=True))
    assert found["a.py"] == [("vulture/unused-import", 1), ("vulture/unreachable-code", 6)]


async def test_cognitive_complexity_of_python(analyse):
    cognitive = rules(await analyse(COMPLEXIPY, {"a.py": TANGLED, "broken.py": "def f(:"}))
    assert cognitive["a.py"] == [("complexipy/cognitive", 1)]
    assert cognitive["broken.py"] == []


async def test_complexity_in_several_languages(analyse):
    tangled_go = "package a\nfunc tangled(a int) int {\n" + "\tif a > 1 { a++ }\n" * 20 + "\treturn a\n}\n"
    lizard = rules(
        await analyse(LIZARD, {"b.go": tangled_go, "long.py": "def f(a, b, c, d, e, g, h, i):\n" + "    x = 1\n" * 70})
    )
    assert lizard["b.go"] == [("lizard/cyclomatic", 2)]
    assert lizard["long.py"] == [("lizard/length", 1), ("lizard/parameters", 1)]


async def test_tests_that_check_nothing(analyse):
    tests = """
import pytest
from shop import cart
from . import helpers

def check_all(x):
    assert x

def test_nothing():
    cart.total()

def test_plain():
    assert cart.total() == 1

def test_raises():
    with pytest.raises(ValueError):
        cart.total()

def test_by_helper():
    check_all(1)

def test_by_fixture(refused):
    refused(cart.total)

def test_by_other_module():
    helpers(1)

class TestCart:
    def test_method(self):
        self.assertEqual(1, 1)
"""
    analyses = await analyse(TESTS, {"tests/test_cart.py": tests, "shop.py": "def cart():\n    pass\n"})
    assert rules(analyses)["tests/test_cart.py"] == [("tdd/test-without-assertion", 9)]
    assert {"shop", "shop.cart", ".", ".helpers", "pytest"} <= set(analyses["tests/test_cart.py"].measures["imports"])
    assert analyses["shop.py"].measures["functions"] == ["cart"]


async def test_text_is_counted_and_binary_is_told(analyse):
    key = "# a key\n-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n"
    conflict = "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n"
    analyses = await analyse(
        TEXT, {"a.txt": "x\n\n  \ny", "c.py": conflict, "b.png": b"\x89PNG\0\0", "empty": "", "k.pem": key}
    )
    assert analyses["a.txt"].measures == {"lines": 2}
    assert analyses["b.png"].measures == {"binary": True}
    assert analyses["empty"].measures == {"lines": 0}
    assert rules(analyses)["k.pem"] == [("assay/private-key", 2)]
    assert rules(analyses)["c.py"] == [("assay/merge-marker", 1)]


@pytest.mark.parametrize("engine", [RUFF, BANDIT, SECRETS, COMPLEXIPY, LIZARD, TESTS, TEXT, DOCSTRINGS])
async def test_engines_survive_hostile_files(analyse, engine):
    hostile = {
        "nested.py": "(" * 3_000 + ")" * 3_000,
        "deep.py": "x = " + "-" * 20_000 + "1\n",
        "latin.py": "# -*- coding: latin-1 -*-\nx = '\xe9'\n".encode("latin-1"),
        "bom.py": b"\xef\xbb\xbfx = 1\n",
        "odd coding.py": "# -*- coding: nonsense -*-\nx = 1\n",
        "nul-late.py": b"#" * 9_000 + b"\0\n",
        "line.js": "a" * 500_000,
        "conftest.py": "import os\nos._exit(1)\n",
        "sitecustomize.py": "import os\nos._exit(1)\n",
        "lizard.py": "raise SystemExit(1)\n",
        "json.py": "raise SystemExit(1)\n",
        "good.py": "x = 1\n",
    }
    analyses = await analyse(engine, hostile)
    assert analyses.keys() == hostile.keys()
    crashed = {path for path, found in rules(analyses).items() if (f"{engine.name}/crash", 0) in found}
    assert crashed <= {"nested.py", "deep.py"}


async def test_an_engine_that_takes_too_long_fails_with_the_reason(analyse):
    with pytest.raises(EngineFailed, match=r"ruff failed: no end after 0\.05 s"):
        await analyse(RUFF, {"a.py": "x = 1\n"}, seconds=0.05)


async def test_an_engine_that_runs_out_of_memory_fails_with_the_reason(analyse):
    with pytest.raises(EngineFailed, match="bandit failed"):
        await analyse(BANDIT, {"a.py": "x = 1\n"}, memory_bytes=20_000_000)


async def test_an_engine_that_crashes_fails_with_the_reason(analyse):
    with pytest.raises(EngineFailed, match=r"ruff failed: .*CalledProcessError"):
        await analyse(Engine("ruff", {"select": ["NOSUCHRULE"], "ignore": []}), {"a.py": "x = 1\n"})


async def test_no_process_is_left_when_an_audit_is_cancelled(analyse, tmp_path):
    task = asyncio.create_task(analyse(VULTURE, {f"{n}.py": TANGLED * 200 for n in range(20)}, together=True))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list((tmp_path / "data").rglob("question.json"))
