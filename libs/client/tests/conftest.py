"""A real HTTP server whose answers a test chooses, and clients of it that do not really wait."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from assay_client import Assay, AsyncAssay, Session


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    """Hang up without a word."""
    waits_for: threading.Event | None = None


class Server:
    """Answers `script` in turn, the last for ever; an entry may be a function of the request."""

    def __init__(self) -> None:
        self.script: list[Any] = [Answer()]
        self.seen: list[Seen] = []
        self._turn = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.connections: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, *answers: Any) -> Server:
        self.script = list(answers)
        return self

    def answer(self, request: Seen) -> Answer:
        with self._turn:
            self.seen.append(request)
            found = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return found(request) if callable(found) else found

    def start(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                owner.connections.append(self.connection)

            def _handle(self) -> None:
                parts = urlsplit(self.path)
                body = self._body()
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = owner.answer(Seen(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body))
                if answer.waits_for is not None:
                    answer.waits_for.wait(10)
                if answer.breaks:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                content = (
                    b""
                    if answer.body is None
                    else answer.body
                    if isinstance(answer.body, bytes)
                    else json.dumps(answer.body).encode()
                )
                self.send_response(answer.status)
                for name, value in {"x-request-id": "req-1", **answer.headers}.items():
                    self.send_header(name, value)
                if answer.status != 304:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _body(self) -> bytes:
                if self.headers.get("transfer-encoding") == "chunked":
                    pieces = []
                    while size := int(self.rfile.readline(), 16):
                        pieces.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(pieces)
                return self.rfile.read(int(self.headers.get("content-length", "0")))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.connections.clear()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


def _problem(status: int, reason: str, detail: str = "no", **headers: str) -> Answer:
    document = {"type": "https://assay.dev/problems/x", "title": "X", "status": status, "detail": detail}
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {**document, "reason": reason, "errors": [], "request_id": "req-1"}, dashed)


@pytest.fixture
def problem() -> Any:
    return _problem


@pytest.fixture
def tokens() -> Any:
    """`tokens("two")` is what the gateway answers to a sign-in."""

    def make(name: str, seconds: float = 600) -> dict[str, Any]:
        expiry = datetime.now(UTC) + timedelta(seconds=seconds)
        return {
            "access_token": f"access-{name}", "token_type": "Bearer", "expires_in": int(seconds),
            "expires_at": expiry.isoformat(), "organisation_id": "o1", "refresh_token": f"refresh-{name}",
        }  # fmt: skip

    return make


@pytest.fixture
def session(tokens: Any) -> Any:
    return lambda name="one", seconds=600: Session.of(tokens(name, seconds))


VERSION = {
    "prompt_id": "p1", "prompt_name": "triage", "number": 1, "content": {"text": "Say {{ word }}", "chat": None},
    "content_hash": "sha256:0", "commit_message": "", "variables": ["word"], "created_at": None, "created_by": "u1",
    "labels": ["production"], "visibility": "organisation",
}  # fmt: skip


@pytest.fixture
def version() -> Any:
    """`version(2)` is an answer to `resolve`; one that knows its tag answers 304 by itself."""

    def make(number: int = 1) -> Any:
        def resolve(request: Seen) -> Answer:
            tag = f'"v{number}"'
            if request.headers.get("if-none-match") == tag:
                return Answer(304, None, {"etag": tag})
            return Answer(200, {**VERSION, "number": number}, {"etag": tag})

        return resolve

    return make


class Asynchronous:
    """An asynchronous client, called like the other one."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._client, self._loop = client, loop

    def __getattr__(self, name: str) -> Any:
        return Asynchronous(getattr(self._client, name), self._loop)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        called = self._client(*arguments, **named)
        if hasattr(called, "__aiter__"):
            return self._items(called)
        return self._loop.run_until_complete(called)

    def _items(self, iterator: Any) -> Iterator[Any]:
        try:
            with suppress(StopAsyncIteration):
                while True:
                    yield self._loop.run_until_complete(anext(iterator))
        finally:
            self._loop.run_until_complete(iterator.aclose())


@pytest.fixture(params=["sync", "async"])
def connect(request: Any, server: Server) -> Any:
    """`connect(api_key=…)` makes a client and the list of its waits."""
    waits: list[float] = []
    opened = []
    loop = asyncio.new_event_loop()

    def make(**options):
        if request.param == "sync":
            client = Assay(options.pop("url", server.url), **options)
            client.transport._sleep = waits.append
            opened.append(client.close)
            return client, waits
        client = AsyncAssay(options.pop("url", server.url), **options)

        async def sleep(seconds):
            waits.append(seconds)

        client.transport._sleep = sleep
        opened.append(lambda: loop.run_until_complete(client.aclose()))
        return Asynchronous(client, loop), waits

    yield make
    for close in opened:
        close()
    loop.close()
