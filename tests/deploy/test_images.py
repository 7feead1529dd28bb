"""One image pattern: what is built is what the chart runs, and an image holds nothing to build with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

Stage = dict[str, Any]


@pytest.fixture(scope="module")
def artifacts(skaffold: Any) -> dict[str, Any]:
    """The arguments of each image that the one Dockerfile builds."""
    return {
        artifact["image"]: artifact["docker"]["buildArgs"]
        for artifact in skaffold["build"]["artifacts"]
        if artifact["docker"]["dockerfile"] == "deploy/Dockerfile"
    }


@pytest.fixture(scope="module")
def skaffold(root: Path) -> Any:
    return yaml.safe_load((root / "skaffold.yaml").read_text())


@pytest.fixture(scope="module")
def stages(root: Path) -> list[list[str]]:
    """The instructions of each stage of the Dockerfile."""
    text = re.sub(r"\\\n\s*", " ", (root / "deploy" / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    starts = [index for index, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def test_skaffold_builds_the_images_that_the_chart_runs(skaffold: Any, defaults: dict[str, Any]) -> None:
    others = {defaults[part]["image"]["repository"] for part in ("tests", "standalone")}
    components = {each["image"]["repository"] for each in defaults["components"].values()}

    assert {artifact["image"] for artifact in skaffold["build"]["artifacts"]} == components | others


def test_skaffold_builds_every_service_and_the_command_line(artifacts: Any, root: Path) -> None:
    services = {str(project.parent.relative_to(root)) for project in root.glob("services/*/pyproject.toml")}
    assert {arguments["FOLDER"] for arguments in artifacts.values()} == services | {"libs/cli"}
    for image, arguments in artifacts.items():
        project = tomllib.loads((root / arguments["FOLDER"] / "pyproject.toml").read_text())
        assert arguments["PACKAGE"] == project["project"]["name"] == image


def test_skaffold_installs_the_chart_with_values_that_need_nothing_else(skaffold: Any, root: Path) -> None:
    assert all((root / each["docker"]["dockerfile"]).is_file() for each in skaffold["build"]["artifacts"])
    (release,) = skaffold["deploy"]["helm"]["releases"]
    assert (root / release["chartPath"] / "Chart.yaml").is_file()
    (values,) = release["valuesFiles"]
    assert yaml.safe_load((root / values).read_text())["standalone"]["enabled"] is True
    hook = skaffold["deploy"]["helm"]["hooks"]["before"][0]["host"]["command"]
    assert (root / hook[-1]).is_file()


def test_skaffolds_profile_takes_other_values(skaffold: Any, root: Path) -> None:
    (profile,) = skaffold["profiles"]
    (patch,) = profile["patches"]
    assert patch["path"] == "/deploy/helm/releases/0/valuesFiles/0"
    assert (root / patch["value"]).is_file()


def test_skaffold_tells_each_component_its_image(skaffold: Any, defaults: dict[str, Any]) -> None:
    (release,) = skaffold["deploy"]["helm"]["releases"]
    images = {f"components.{name}": component["image"] for name, component in defaults["components"].items()}
    images |= {part: defaults[part]["image"] for part in ("tests", "standalone")}

    expected = {}
    for path, image in images.items():
        variable = image["repository"].replace("-", "_")
        expected[f"{path}.image.repository"] = f"{{{{.IMAGE_REPO_{variable}}}}}"
        expected[f"{path}.image.tag"] = f"{{{{.IMAGE_TAG_{variable}}}}}"
    assert release["setValueTemplates"] == expected


def test_the_chart_takes_the_images_that_skaffold_tells_it(skaffold: Any, render: Any, root: Path) -> None:
    (release,) = skaffold["deploy"]["helm"]["releases"]
    values = yaml.safe_load((root / release["valuesFiles"][0]).read_text())
    for path, template in release["setValueTemplates"].items():
        *parents, last = path.split(".")
        below = values
        for each in parents:
            below = below.setdefault(each, {})
        below[last] = template.strip("{}.").lower().replace("image_repo_", "built.example.com/").replace("_", "-")

    images = {
        container["image"]
        for document in render(values).objects
        if document["kind"] in ("Deployment", "StatefulSet", "Job")
        for container in document["spec"]["template"]["spec"]["containers"]
    }
    assert images
    assert all(image.startswith("built.example.com/assay-") and ":image-tag-assay-" in image for image in images)


def test_a_component_runs_the_module_that_its_image_holds(artifacts: Any, defaults: dict[str, Any], root: Path) -> None:
    for name, component in defaults["components"].items():
        folder = artifacts[component["image"]["repository"]]["FOLDER"]
        assert (root / folder / "src" / component["module"] / "__main__.py").is_file(), name


def test_git_is_where_it_is_called(artifacts: Any) -> None:
    with_git = {image for image, each in artifacts.items() if each.get("SYSTEM_PACKAGES") == "git"}
    assert with_git == {"assay-audit", "assay-cli"}


def test_the_final_image_has_one_user_and_nothing_to_build_with(stages: list[list[str]], rendering: Any) -> None:
    final = stages[-1]

    assert [line for line in final if line.startswith("COPY")] == ["COPY --from=build /app/.venv /app/.venv"]
    assert any("pip uninstall" in line for line in final)
    assert not any(tool in " ".join(final) for tool in ("gcc", "binutils", "uv sync", "pip install"))
    (user,) = [line.split()[1] for line in final if line.startswith("USER")]
    for pod in rendering.pods.values():
        context = pod["spec"]["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == user


def test_the_image_listens_where_the_chart_looks(stages: list[list[str]], minimal: Any) -> None:
    final = " ".join(stages[-1])
    (exposed,) = [line.split()[1:] for line in stages[-1] if line.startswith("EXPOSE")]

    ports = {
        port["containerPort"]
        for deployment in minimal().of_kind("Deployment").values()
        for port in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
        if port["name"] != "exchange"  # that audit-worker alone has, where it makes Jobs
    }
    assert {int(port) for port in exposed} == ports
    for name, port in (("HTTP", 8080), ("GRPC", 50051), ("OPS", 9090)):
        assert f"ASSAY_{name}__LISTEN=0.0.0.0:{port}" in final
    assert "/dev/tcp/127.0.0.1/9090" in final
    assert "GET /healthz " in final


def test_uv_is_the_version_that_make_installs(stages: list[list[str]], root: Path) -> None:
    (pinned,) = [line.split("=")[1] for stage in stages for line in stage if line.startswith("ARG UV_VERSION=")]

    assert re.search(rf"^UV_VERSION := {re.escape(pinned)}$", (root / "Makefile").read_text(), re.MULTILINE)


def test_dependencies_are_installed_before_sources_are_copied(stages: list[list[str]]) -> None:
    """So that a change of a source rebuilds the last layers only."""
    build = next(stage for stage in stages if stage[0].endswith(" AS build"))
    dependencies = next(index for index, line in enumerate(build) if "--no-install-workspace" in line)

    assert [line for line in build[:dependencies] if line.startswith("COPY")] == [
        "COPY --from=manifests /src .",
        "COPY deploy/slim.py /slim.py",
    ]
    assert all("--frozen" in line for line in build if "uv sync" in line)
