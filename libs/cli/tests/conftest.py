"""A gateway that gives canned answers over real HTTP, and the command line run against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Gateway:
    """Answers by method and path; the last answer of a list is given for ever."""

    answers: dict[tuple[str, str], list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    def on(self, request: str, body: Any = None, status: int = 200, **headers: str) -> None:
        method, path = request.split()
        dashed = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault((method, path), []).append((status, body, dashed))

    def refuse(self, request: str, status: int, reason: str, detail: str, **more: Any) -> None:
        self.on(request, problem(status, reason, detail, **more), status)

    def asked(self, request: str) -> list[Seen]:
        method, path = request.split()
        return [each for each in self.seen if (each.method, each.path) == (method, path)]

    def answer(self, request: Seen) -> tuple[int, Any, dict[str, str]]:
        self.seen.append(request)
        found = self.answers.get((request.method, request.path))
        if found is None:
            return 404, problem(404, "NOT_FOUND", f"nothing is canned for {request.method} {request.path}"), {}
        return found.pop(0) if len(found) > 1 else found[0]


def problem(status: int, reason: str, detail: str, **more: Any) -> dict[str, Any]:
    title = reason.replace("_", " ").capitalize()
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "reason": reason}
    return {**document, "instance": "/", "request_id": "req-1", "errors": [], **more}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    canned = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Seen(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            status, answer, extra = canned.answer(request)
            content = b"" if answer is None else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"x-trace-id": "ab" * 16, "x-request-id": "req-1", **extra}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that http.server calls

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    canned.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield canned
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Assay = Callable[..., Ran]


@pytest.fixture
def assay(gateway: Gateway, tmp_path: Any) -> Assay:
    """Runs the real command in a process of its own, with an API key unless told otherwise."""

    def run(*arguments: str, stdin: str = "", key: str | None = "assay_key_test", **environment: str) -> Ran:
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "NO_COLOR"))}
        variables |= {"ASSAY_URL": gateway.url, "ASSAY_CONFIG_DIR": str(tmp_path / "config"), **environment}
        if key is not None:
            variables["ASSAY_API_KEY"] = key
        done = subprocess.run(
            [sys.executable, "-m", "assay_cli", *arguments],
            check=False, env=variables, input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
