"""The exchange of a worker: where its Jobs ask for questions and bring answers, over TLS.

| request | answer |
|---|---|
| POST /claim, with the Job's token | a key for what follows, and how to work; a token works once |
| GET /lanes/{lane}/question | 200 a package, its id in a header; 204 nothing at the moment, ask again |
| PUT /answers/{question}?outcome=answered, failed or crashed | 204; 413 when it is too large |
| POST /alive | 204: every few seconds, so that a Job that hangs is told from one that works |

401 says that the key is none, 410 that there will be no more questions. What Jobs send is bounded and not believed.
"""

import asyncio
import hashlib
import secrets
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from assay_audit.adapters.engines.process import EngineCrashed
from assay_audit.adapters.jobs.certificate import Certificate
from assay_audit.adapters.jobs.metrics import START_SECONDS
from assay_audit.adapters.jobs.package import POLL_SECONDS, QUESTION_HEADER
from assay_audit.adapters.jobs.session import Session, SessionOver
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.findings import printable
from assay_common.settings import host_and_port

log = structlog.get_logger()

BODY_SECONDS: Final = 60.0
"""How long an answer may take to come in."""
MAX_ANSWER: Final = 32 * 1024 * 1024
MAX_REASON: Final = 4_096


@dataclass(frozen=True, slots=True)
class Orders:
    """What a Job is told about its work when it is let in."""

    lanes: int
    """Engine processes at a time."""
    seconds: float
    memory_bytes: int
    file_bytes: int
    """Limits of one engine process."""
    patience_seconds: float
    """Without a word of the worker for so long, it is dead, and the Job ends."""


@dataclass(slots=True)
class Exchange:
    """The sessions of one worker. `host` and `port` are those under which Jobs reach it."""

    orders: Orders
    host: str
    certificate: Certificate
    max_answer: int = MAX_ANSWER
    port: int = 0
    _tokens: dict[bytes, Session] = field(default_factory=dict)
    _keys: dict[bytes, Session] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where Jobs find it."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def admit(self, session: Session) -> None:
        """Let the session's Job in, once."""
        self._tokens[_digest(session.token)] = session

    def dismiss(self, session: Session) -> None:
        """Know the session no more."""
        self._tokens = {token: each for token, each in self._tokens.items() if each is not session}
        self._keys = {key: each for key, each in self._keys.items() if each is not session}

    async def claim(self, request: Request) -> Response:
        """Let a Job in."""
        session = self._tokens.pop(_digest(_bearer(request)), None)
        if session is None:
            log.warning("refused a Job: unknown, used or expired token", peer=request.client and request.client.host)
            raise HTTPException(401)
        key = secrets.token_urlsafe(32)
        self._keys[_digest(key)] = session
        session.claimed = True
        session.seen_at = time.monotonic()
        START_SECONDS.observe(session.seen_at - session.began_at)
        log.info("a Job began", job=session.name, seconds=round(session.seen_at - session.began_at, 2))
        return JSONResponse({"key": key, **asdict(self.orders)})

    async def question(self, request: Request) -> Response:
        """The next question of a lane."""
        session = self._session(request)
        lane = int(request.path_params["lane"])
        if lane >= session.lanes:
            raise HTTPException(404)
        try:
            asked = await session.next(lane, POLL_SECONDS)
        except SessionOver:
            raise HTTPException(410) from None
        if asked is None:
            return Response(status_code=204)
        return FileResponse(asked.package, media_type="application/x-tar", headers={QUESTION_HEADER: asked.id})

    async def answer(self, request: Request) -> Response:
        """Take an answer."""
        session = self._session(request)
        asked = session.asked(request.path_params["question"])
        if asked is None:
            return Response(status_code=410 if session.over else 404)
        outcome = request.query_params.get("outcome")
        body = await _body(request, self.max_answer if outcome == "answered" else MAX_REASON)
        if body is None:
            text = f"{asked.engine} failed: its answer is larger than {self.max_answer} bytes"
            session.answered(asked.id, EngineFailed(text, engine=asked.engine))
            raise HTTPException(413)
        match outcome:
            case "answered":
                session.answered(asked.id, body)
            case "crashed":
                session.answered(asked.id, EngineCrashed(_reason(asked.engine, body), engine=asked.engine))
            case "failed":
                session.answered(asked.id, EngineFailed(_reason(asked.engine, body), engine=asked.engine))
            case _:
                raise HTTPException(400)
        return Response(status_code=204)

    async def alive(self, request: Request) -> Response:
        """Note that the Job lives."""
        if self._session(request).over:
            raise HTTPException(410)
        return Response(status_code=204)

    @asynccontextmanager
    async def listening(self, listen: str) -> AsyncIterator[None]:
        """Serve for the length of the block. Raises OSError when the port is taken."""
        listener = _listen(listen)
        self.port = listener.getsockname()[1]
        # Many idle connections are normal: each lane of each Job holds one.
        config = uvicorn.Config(
            self.app(),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=int(2 * POLL_SECONDS),
            timeout_graceful_shutdown=5,
        )
        config.load()
        config.ssl = _tls(self.certificate)
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="exchange")
        log.info("the exchange for Jobs listens", address=listen, url=self.url)
        try:
            yield
        finally:
            server.should_exit = True
            await serving

    def app(self) -> Starlette:
        """The exchange as an ASGI application."""
        return Starlette(
            routes=[
                Route("/claim", self.claim, methods=["POST"]),
                Route("/lanes/{lane:int}/question", self.question, methods=["GET"]),
                Route("/answers/{question:str}", self.answer, methods=["PUT"]),
                Route("/alive", self.alive, methods=["POST"]),
            ]
        )

    def _session(self, request: Request) -> Session:
        session = self._keys.get(_digest(_bearer(request)))
        if session is None:
            raise HTTPException(401)
        session.seen_at = time.monotonic()
        return session


class _Server(uvicorn.Server):
    """A server inside another program: signals are that program's business."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def _listen(address: str) -> socket.socket:
    host, port = host_and_port(address)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address} (ASSAY_JOBS__LISTEN): {error.strerror}") from error


def _tls(certificate: Certificate) -> ssl.SSLContext:
    """The key goes through a file, which OpenSSL wants, for the moment of reading it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "tls.pem"
        chain.touch(mode=0o600)
        chain.write_bytes(certificate.key + certificate.certificate.encode())
        context.load_cert_chain(chain)
    return context


async def _body(request: Request, at_most: int) -> bytes | None:
    """The request's body, or None when it is larger."""
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                read += chunk
                if len(read) > at_most:
                    return None
    except TimeoutError:
        raise HTTPException(408) from None
    return bytes(read)


def _reason(engine: str, body: bytes) -> str:
    text = printable(body.decode("utf-8", "replace"))
    return text if text.startswith(f"{engine} failed: ") else f"{engine} failed: {text}"


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _digest(secret: str) -> bytes:
    """What secrets are looked up by, so that the time it takes tells nothing of them."""
    return hashlib.sha256(secret.encode()).digest()
