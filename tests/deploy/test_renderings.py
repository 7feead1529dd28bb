"""Renderings are valid Kubernetes objects, and change only when somebody means it."""

from __future__ import annotations

import base64
import difflib
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from helm_python import lint
from tests.deploy import custom_resources

GOLDEN = Path(__file__).parent / "golden"
GENERATED = re.compile(r"^(  [\w-]+): [A-Za-z0-9+/]{32,}={0,2}$", re.MULTILINE)
"""What is random in a Secret: in base64, and longer than anything else there."""
INFO = 1
"""Severity of a remark that is neither a warning nor an error."""


@pytest.mark.parametrize("version", ["1.30", "1.34", "1.37"])
def test_objects_agree_with_the_schemas_of_kubernetes(rendering: Any, version: str) -> None:
    for document in rendering.objects:
        if not custom_resources.is_custom(document):
            kubernetes_validate.validate(document, version, strict=True)


def test_names_are_unique_and_in_the_release_namespace(rendering: Any) -> None:
    names = [(document["kind"], document["metadata"]["name"]) for document in rendering.objects]

    assert len(names) == len(set(names))
    assert {document["metadata"]["namespace"] for document in rendering.objects} == {"assay"}


def test_objects_carry_the_recommended_labels(rendering: Any) -> None:
    for document in rendering.objects:
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "assay"
        assert labels["app.kubernetes.io/instance"] == "assay"
        assert {"app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} <= set(labels)


def test_lint_finds_nothing(chart: Path, values: dict[str, Any]) -> None:
    report = lint(chart, values, strict=True, kube_version="v1.34.0")

    assert not report["errors"]
    assert [each for each in report["messages"] if each["severity"] > INFO] == []


def test_golden_rendering(example_name: str, rendering: Any, request: pytest.FixtureRequest) -> None:
    made = _as_text(rendering.files)
    golden = GOLDEN / f"{example_name}.yaml"
    if request.config.getoption("--write-golden", default=False):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(made)

    lines = difflib.unified_diff(golden.read_text().splitlines(), made.splitlines(), "golden", "rendered", lineterm="")
    difference = "\n".join(lines)
    assert not difference, f"{difference}\n\nIf this is meant: pytest tests/deploy --write-golden"


def test_generated_secrets_differ_each_time_and_have_the_right_size(minimal: Any) -> None:
    first, second = (minimal().of_kind("Secret")["keys"]["data"] for _ in range(2))

    assert first["key-encryption-key"] != second["key-encryption-key"]
    assert first["bootstrap-admin-password"] != second["bootstrap-admin-password"]
    key = base64.b64decode(base64.b64decode(first["key-encryption-key"]), validate=True)
    assert len(key) == 32
    assert len(base64.b64decode(first["bootstrap-admin-password"])) == 24


def _as_text(files: dict[str, str]) -> str:
    """All files in one, with what is random replaced."""
    parts = [f"# {path}\n{text.strip()}\n" for path, text in sorted(files.items()) if text.strip()]
    return GENERATED.sub(r"\1: (generated)", "---\n".join(parts))
