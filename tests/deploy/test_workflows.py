"""The workflows: each action by its hash, no more rights than needed, the images that skaffold builds; the releases."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

WORKFLOWS = ("ci", "release")


@pytest.fixture(scope="module", params=WORKFLOWS)
def workflow(request: pytest.FixtureRequest, root: Path) -> Any:
    return yaml.safe_load((root / ".github" / "workflows" / f"{request.param}.yaml").read_text())


def script(root: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, root / "deploy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def release(root: Path) -> ModuleType:
    return script(root, "release")


@pytest.fixture(scope="module")
def image_size(root: Path) -> ModuleType:
    return script(root, "image_size")


@pytest.fixture
def repository(root: Path, tmp_path: Path) -> Path:
    """What a release reads of the repository, to be changed."""
    for path in [root / "CHANGELOG.md", root / "deploy/helm/assay/Chart.yaml", root / "pyproject.toml",
                 *root.glob("*/pyproject.toml"), *root.glob("*/*/pyproject.toml")]:  # fmt: skip
        copy = tmp_path / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


def test_every_action_is_pinned_by_hash_and_says_its_version(root: Path) -> None:
    uses = [
        line.split("uses:")[1].strip()
        for path in (root / ".github" / "workflows").glob("*.yaml")
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]
    assert uses
    assert [
        each for each in uses if re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) is None
    ] == []
    assert len({tuple(each.split("@")) for each in uses}) == len({each.split("@")[0] for each in uses}), "one hash each"


def test_rights_are_given_job_by_job(workflow: Any) -> None:
    assert workflow["permissions"] == {}
    assert "concurrency" in workflow
    for name, job in workflow["jobs"].items():
        assert set(job["permissions"].values()) <= {"read", "write"}, name
        assert job["timeout-minutes"] <= 90, name
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_only_a_release_may_write(root: Path) -> None:
    ci = yaml.safe_load((root / ".github" / "workflows" / "ci.yaml").read_text())
    assert {tuple(job["permissions"].items()) for job in ci["jobs"].values()} == {(("contents", "read"),)}


def test_the_workflows_build_what_skaffold_builds(workflow: Any, root: Path) -> None:
    artifacts = yaml.safe_load((root / "skaffold.yaml").read_text())["build"]["artifacts"]
    expected = []
    for artifact in artifacts:
        arguments = artifact["docker"].get("buildArgs", {})
        entry = {
            "image": artifact["image"],
            "folder": arguments.get("FOLDER"),
            "system-packages": arguments.get("SYSTEM_PACKAGES"),
            "dockerfile": artifact["docker"]["dockerfile"],
        }
        if entry["dockerfile"] == "deploy/Dockerfile":
            del entry["dockerfile"]
        expected.append({key: value for key, value in entry.items() if value is not None})
    assert workflow["jobs"]["image"]["strategy"]["matrix"]["include"] == expected


def test_a_release_is_tested_signed_and_told_in_this_order(root: Path) -> None:
    jobs = yaml.safe_load((root / ".github" / "workflows" / "release.yaml").read_text())["jobs"]
    assert {name: set(job.get("needs", ())) for name, job in jobs.items()} == {
        "plan": set(), "test": set(), "image": {"plan", "test"}, "chart": {"plan", "image"},
        "release": {"plan", "chart"},
    }  # fmt: skip
    (build,) = [step["with"] for step in jobs["image"]["steps"] if "build-push" in step.get("uses", "")]
    assert (build["sbom"], build["provenance"], build["platforms"]) == (True, "mode=max", "linux/amd64,linux/arm64")
    assert "PYTHON_IMAGE=${{ needs.plan.outputs.base }}" in build["build-args"]
    for name in ("image", "chart"):
        assert "cosign sign --yes" in jobs[name]["steps"][-1]["run"]
        assert jobs[name]["permissions"]["id-token"] == "write"


def test_a_tag_is_the_version_of_chart_and_packages(release: Any, repository: Path) -> None:
    current = dict(release.versions(repository))["appVersion of deploy/helm/assay/Chart.yaml"]
    assert release.version_of(f"v{current}", repository) == current

    project = repository / "services" / "auth" / "pyproject.toml"
    project.write_text(re.sub(r"^version = .*$", 'version = "9.9.9"', project.read_text(), flags=re.MULTILINE))
    with pytest.raises(release.NotReleasable, match=r"services/auth/pyproject\.toml says 9\.9\.9"):
        release.version_of(f"v{current}", repository)


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3; rm -rf /", "vlatest", ""])
def test_what_is_no_version_is_no_release(release: Any, repository: Path, tag: str) -> None:
    with pytest.raises(release.NotReleasable, match="no tag of a release"):
        release.version_of(tag, repository)


def test_the_notes_are_the_versions_section(release: Any, repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n"
        "## [1.2.3] - 2026-01-02\n\n### Added\n- This.\n\n"
        "## [1.2.2] - 2026-01-01\n- That.\n"
    )
    assert release.notes("1.2.3", repository) == "### Added\n- This."
    assert release.notes("1.2.2", repository) == "- That."
    for version in ("1.2.4", "Unreleased"):
        with pytest.raises(release.NotReleasable, match="says nothing under"):
            release.notes(version, repository)


def test_the_base_is_the_dockerfiles(release: Any, root: Path) -> None:
    assert release.base(root) == "python:3.12-slim-bookworm"


HISTORY = "0\tLABEL x\n700000\tRUN compile\n150000000\tCOPY /app/.venv\n1000\tRUN useradd --uid 10001 assay\n"


def test_an_image_is_measured_without_its_base(image_size: Any) -> None:
    assert image_size.added(HISTORY + "40000000\tbase\n80000000\tdebian\n") == 150_701_000
    with pytest.raises(ValueError, match="useradd"):
        image_size.added("40000000\tbase\n")


def test_the_measure_knows_the_first_layer_of_every_image(image_size: Any, root: Path) -> None:
    for dockerfile in ("deploy/Dockerfile", "deploy/standalone/Dockerfile"):
        assert image_size.FIRST_LAYER in (root / dockerfile).read_text().split("\nFROM ")[-1]


@pytest.mark.parametrize(
    ("name", "megabytes", "config", "said"),
    [
        ("assay-auth", 169, {}, []),
        ("assay-auth", 170, {}, ["assay-auth adds 170 MB to its base; the limit is 170 MB"]),
        ("assay-evaluation", 399, {}, []),
        ("assay-audit", 400, {}, ["assay-audit adds 400 MB to its base; the limit is 400 MB"]),
        ("assay-auth", 1, {"User": ""}, ["assay-auth runs as root"]),
        ("assay-auth", 1, {"User": "0:0"}, ["assay-auth runs as root"]),
        ("assay-auth", 1, {"Healthcheck": None}, ["assay-auth has no health command"]),
    ],
)
def test_what_an_image_is_held_to(
    image_size: Any, name: str, megabytes: int, config: dict[str, Any], said: list[str]
) -> None:
    sound = {"User": "10001:10001", "Healthcheck": {"Test": ["CMD", "true"]}}
    assert image_size.complaints(name, megabytes * 10**6, sound | config) == said
