"""The command line, on a folder of its own and one real component."""

import json
import socket
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from assay_local import cli
from assay_local.site import Site
from assay_local.tail import follow, last_lines


@pytest.fixture
def site(make_site: object, monkeypatch: pytest.MonkeyPatch) -> Site:
    assert callable(make_site)
    own: Site = make_site()
    monkeypatch.setattr(cli, "FOLDER", own.folder)
    return own


def test_up_status_logs_down(site: Site) -> None:
    assert _run("down").output.strip() == "nothing was running"
    up = _run("up", "valkey")
    assert up.exit_code == 0
    assert "valkey               ready after" in up.output
    assert "make down" in up.output

    status = _run("status", "--json")
    rows = {row["name"]: row for row in json.loads(status.output)["processes"]}
    assert status.exit_code == 1  # the others do not run
    assert rows["valkey"]["state"] == "ready"
    assert rows["valkey"]["memory_mb"] > 1
    assert rows["gateway"]["state"] == "stopped"
    assert "valkey" in _run("status").output

    assert "Ready to accept connections" in _run("logs", "valkey").output
    assert "runs already" in _run("up", "valkey").output
    assert _run("down").output.strip() == "stopped valkey"


def test_a_taken_port_is_one_clear_sentence(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = _run("up", "--port", str(port))
    assert answer.exit_code == 1
    words = " ".join(answer.output.split())
    assert f"Port {port}, wanted by the gateway, is taken by process" in words
    assert f"ASSAY_PORT={port + 1} make up" in words


@pytest.mark.parametrize("command", [["up", "nonsense"], ["logs", "nonsense"]])
def test_an_unknown_name_is_said(site: Site, command: list[str]) -> None:
    answer = _run(*command)
    assert answer.exit_code == 2
    assert "nonsense" in answer.output


def test_logs_are_followed_from_their_end(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("one\ntwo\nthree\n")
    assert last_lines(file, 2) == ["two", "three"]
    lines = follow([file])
    found: list[str] = []
    reader = Thread(target=lambda: found.append(next(lines)[1]), daemon=True)
    reader.start()
    while reader.is_alive():  # the reader may have opened the file before or after this line
        with file.open("a") as log:
            log.write("four\n")
        reader.join(0.1)
    assert found == ["four"]


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))
