"""The fixtures, watched from outside: a small test run is started as a newcomer would, and what it leaves counted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

_TESTS = """
import pathlib, asyncpg, pytest

@pytest.mark.parametrize("n", range(6))
async def test_database(n, make_database, valkey):
    database = await make_database("shared")
    connection = await asyncpg.connect(database.owner_url)
    try:
        assert await connection.fetchval("SELECT current_database()") == database.name
    finally:
        await connection.close()
    with (pathlib.Path(__file__).parent / "seen").open("a") as seen:
        seen.write(f"{valkey.site.folder} {valkey.process.pid}\\n")
    {at_last}
"""
_CONFIGURATION = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
addopts = -p assay_local.pytest_plugin -p no:cacheprovider
"""


def test_workers_share_one_server_and_nothing_is_left(tmp_path: Path) -> None:
    run = _pytest(tmp_path, "-n", "2")
    assert run.wait(120) == 0
    folders, pids = _seen(tmp_path)
    assert len(folders) == 1
    assert len(pids) == 1
    _nothing_is_left(folders)


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, ["-n", "2"]), (signal.SIGINT, []), (signal.SIGKILL, [])]
)
def test_nothing_is_left_after_an_interrupt(tmp_path: Path, number: signal.Signals, workers: list[str]) -> None:
    run = _pytest(tmp_path, *workers, at_last="import asyncio; await asyncio.Event().wait()")
    _until(lambda: (tmp_path / "seen").exists() and (tmp_path / "seen").read_text().endswith("\n"))
    os.kill(run.pid, number)
    assert run.wait(60) != 0
    _nothing_is_left(_seen(tmp_path)[0])


def _pytest(folder: Path, *options: str, at_last: str = "pass") -> "subprocess.Popen[bytes]":
    (folder / "test_sample.py").write_text(_TESTS.replace("{at_last}", at_last))
    (folder / "pytest.ini").write_text(_CONFIGURATION)
    # Without what an outer test run tells its own workers.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.Popen([sys.executable, "-m", "pytest", *options, str(folder)], cwd=folder, env=environment)


def _seen(folder: Path) -> tuple[set[str], set[str]]:
    lines = [line.split() for line in (folder / "seen").read_text().splitlines()]
    return {line[0] for line in lines}, {line[1] for line in lines}


def _nothing_is_left(folders: set[str]) -> None:
    _until(lambda: not any(Path(folder).exists() for folder in folders))
    _until(lambda: not any(folder in " ".join(words) for folder in folders for words in _command_lines()))


def _command_lines() -> list[list[str]]:
    return [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]


def _until(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
