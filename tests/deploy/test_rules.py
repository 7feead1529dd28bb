"""Alerts fire when they should and are silent when they should, evaluated by Prometheus' own promtool.

promtool comes in no wheel: `make promtool` takes it from Debian's package. Without it these tests are skipped; that
the rules parse, and name what there is, is tested without (test_monitoring.py).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.rules import SCENARIOS

LOCAL = Path(".local/prometheus/usr/bin/promtool")


@pytest.fixture(scope="session")
def promtool(root: Path) -> Callable[..., str]:
    """Run promtool; its output, or a failure with it."""
    found = shutil.which("promtool") or (str(root / LOCAL) if (root / LOCAL).exists() else None)
    if found is None:
        pytest.skip("there is no promtool: `make promtool` fetches it on Debian")

    def run(*arguments: str | Path) -> str:
        done = subprocess.run([found, *map(str, arguments)], check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def rule_files(chart: Path) -> list[Path]:
    return sorted((chart / "monitoring" / "rules").glob("*.yaml"))


def test_promtool_finds_nothing_wrong(promtool: Callable[..., str], rule_files: list[Path]) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *rule_files)


def test_the_rules_as_the_chart_makes_them_are_good_too(
    promtool: Callable[..., str], minimal: Callable[..., Any], tmp_path: Path
) -> None:
    made = minimal({"monitoring": {"rules": {"enabled": True}}}).of_kind("PrometheusRule")
    for name, rule in made.items():
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(rule["spec"]))
        promtool("check", "rules", file)


def test_scenarios(promtool: Callable[..., str], rule_files: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "scenarios.yaml"
    tests = [scenario.as_promtool() for scenario in SCENARIOS]
    file.write_text(
        yaml.safe_dump({"rule_files": [str(path) for path in rule_files], "evaluation_interval": "1m", "tests": tests})
    )
    promtool("test", "rules", file)


def test_every_alert_has_a_scenario_in_which_it_fires(rule_files: list[Path]) -> None:
    alerts = {
        (rule["alert"], rule["labels"]["severity"])
        for path in rule_files
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    firing = {each for scenario in SCENARIOS for expected in scenario.expected.values() for each in expected}
    assert alerts == firing
