"""Every service has the same rooms, so that who knows one finds their way in all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/pyproject.toml"))
MEMBERS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))


def package(service: Path) -> Path:
    (found,) = (path.parent for path in service.glob("src/*/__init__.py"))
    return found


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_has_the_rooms_of_all_services(service: Path) -> None:
    inside = {path.stem for path in package(service).iterdir()}
    assert {"__main__", "settings", "bootstrap", "application", "domain", "adapters", "entrypoints"} <= inside
    assert (service / "README.md").exists()
    assert (service / "tests/unit").is_dir()
    assert (service / "tests/integration").is_dir()


def test_there_are_six_parts() -> None:
    assert [path.name for path in SERVICES] == ["analytics", "audit-worker", "auth", "evaluation", "gateway", "prompt"]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.name)
def test_a_package_is_typed(member: Path) -> None:
    assert (package(member) / "py.typed").exists()


@pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.name)
def test_a_package_names_everything_of_the_workspace_that_it_imports(member: Path) -> None:
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    declared = [
        *project["dependencies"],
        *(name for extra in project.get("optional-dependencies", {}).values() for name in extra),
    ]
    sources = "\n".join(path.read_text() for path in package(member).rglob("*.py"))
    for name in ("assay_common", "assay_protos", "assay_local", "assay_client", "assay_cli"):
        if re.search(rf"from {name}\b", sources) and package(member).name != name:
            assert name.replace("_", "-") in declared
