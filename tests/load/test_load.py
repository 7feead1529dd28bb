"""The load generator counts what was answered, and gives no figure when an answer was wrong."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay_local import probes
from assay_testing.api import eventually
from assay_testing.blocking import run

pytestmark = pytest.mark.load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare_port(tmp_path: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    (tmp_path / "answer.json").write_text('{"ready": "made"}')
    command = [sys.executable, "-m", "tests.load.bare", str(port), str(tmp_path / "answer.json")]
    server = subprocess.Popen(command, cwd=ROOT)
    eventually(lambda: run(probes.http_ok(port, "/")), bool)
    yield port
    server.terminate()
    server.wait()


def load(port: int, path: str, status: int) -> subprocess.CompletedProcess[str]:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    job = {"port": port, "requests": [request] * 4, "status": status, "seconds": 0.4, "warm_up_seconds": 0.1}
    command = [sys.executable, "-m", "tests.load.client"]
    return subprocess.run(
        command, cwd=ROOT, input=json.dumps(job), capture_output=True, text=True, timeout=30, check=False
    )


def test_answers_are_counted_and_timed(bare_port: int) -> None:
    done = load(bare_port, "/", 200)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["rps"] == pytest.approx(figures["answers"] / 0.4)
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] < 400
    assert 0 < figures["client_busy"] <= 1.5


@pytest.mark.parametrize(("path", "status"), [("/", 304), ("/nowhere", 200)])
def test_a_wrong_answer_gives_no_figure(bare_port: int, path: str, status: int) -> None:
    done = load(bare_port, path, status)
    assert done.returncode != 0
    assert done.stdout == ""
    assert f"instead of {status}" in done.stderr
