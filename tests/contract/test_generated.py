"""What is generated and committed is what the contracts say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_package_is_up_to_date(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "protos/generate.py"), "--check", str(tmp_path)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr


def test_the_protos_keep_the_style_rules() -> None:
    buf = Path(sys.executable).with_name("buf")
    outcome = subprocess.run([str(buf), "lint", str(ROOT / "protos")], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_client_is_what_the_gateway_documents() -> None:
    command = [sys.executable, str(ROOT / "libs/client/generate.py"), "--check"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
