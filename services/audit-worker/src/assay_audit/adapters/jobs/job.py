"""The process in a Job: asks its worker for questions, lets engines answer them, and ends when nobody asks any more."""

import asyncio
import signal
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import structlog

from assay_audit.adapters.engines.process import EngineCrashed, answer_in_process
from assay_audit.adapters.jobs.package import FILES, POLL_SECONDS, QUESTION_HEADER, unpack
from assay_audit.adapters.processes import Limits
from assay_audit.domain.errors import EngineFailed

log = structlog.get_logger()

FIRST_PATIENCE: Final = 60.0
"""Seconds for which the worker is tried to be reached at first: a network may take its time to know a new pod."""
SIGNS_OF_LIFE: Final = 6
"""In the time after which each takes the other for dead."""
RETRY_SECONDS: Final = 0.5
TIMEOUT: Final = httpx.Timeout(10.0, read=POLL_SECONDS + 10.0, write=60.0)

OVER: Final = frozenset({401, 410})
"""The worker knows the Job no more, or has no more questions."""


class Over(Exception):
    """The work is done."""


class WorkerGone(Exception):
    """The worker has not answered for longer than it is waited for."""


@dataclass(slots=True)
class Worker:
    """The exchange as the Job sees it. Every call is tried again until the worker has been silent for too long."""

    client: httpx.AsyncClient
    patience: float = FIRST_PATIENCE
    heard_at: float = field(default_factory=time.monotonic)
    told: bool = False

    async def claim(self, token: str) -> dict[str, Any]:
        """Be let in. Raises Over when the token is not taken."""
        response = await self.call("POST", "/claim", headers={"authorization": f"Bearer {token}"})
        claimed: dict[str, Any] = response.json()
        self.client.headers["authorization"] = f"Bearer {claimed['key']}"
        self.patience = claimed["patience_seconds"]
        return claimed

    async def question(self, lane: int, package: Path) -> str | None:
        """Write the lane's next question to a file; its id, or None when there is none yet."""
        while True:
            try:
                async with self.client.stream("GET", f"/lanes/{lane}/question") as response:
                    self._heard(response)
                    if response.status_code != httpx.codes.OK:
                        break
                    with package.open("wb") as file:
                        async for chunk in response.aiter_bytes():
                            file.write(chunk)
                    return response.headers[QUESTION_HEADER]
            except httpx.TransportError as error:
                await self._failed(error)
        if response.is_error:
            await asyncio.sleep(RETRY_SECONDS)
        return None

    async def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A request. Raises Over or WorkerGone."""
        while True:
            try:
                response = await self.client.request(method, path, **arguments)
            except httpx.TransportError as error:
                await self._failed(error)
            else:
                self._heard(response)
                return response

    def _heard(self, response: httpx.Response) -> None:
        self.heard_at = time.monotonic()
        self.told = False
        if response.status_code in OVER:
            raise Over

    async def _failed(self, error: httpx.TransportError) -> None:
        if time.monotonic() - self.heard_at > self.patience:
            raise WorkerGone(f"no answer for {self.patience:g} s: {error!r}") from error
        if not self.told:
            log.warning("the worker does not answer; it is tried again", error=repr(error))
            self.told = True
        await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def worker_at(url: str, certificate: str) -> AsyncIterator[Worker]:
    """The worker whose exchange has exactly this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=certificate)
    async with httpx.AsyncClient(base_url=url, verify=context, timeout=TIMEOUT, trust_env=False) as client:
        yield Worker(client)


async def do_job(url: str, token: str, certificate: str) -> int:
    """Work until there are no more questions; returns the exit code.

    0: the worker had no more questions. 1: it did not let this Job in, went away, or the Job was stopped.
    """
    job = asyncio.current_task()
    if job is not None:
        # As the first process of a container it would not be ended by a signal that it does not handle.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, job.cancel)
    try:
        async with worker_at(url, certificate) as worker:
            return await _work(worker, token)
    except WorkerGone as gone:
        log.warning("the worker is gone", reason=str(gone))
    except asyncio.CancelledError:
        log.warning("stopped")
    return 1


async def _work(worker: Worker, token: str) -> int:
    try:
        orders = await worker.claim(token)
    except Over:
        log.warning("the worker did not let this Job in: the token is unknown, used or expired")
        return 1
    limits = Limits(orders["seconds"], orders["memory_bytes"], orders["file_bytes"])
    log.info("works", lanes=orders["lanes"])
    gone: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_tell_that_it_lives(worker))
            for lane in range(orders["lanes"]):
                group.create_task(_lane(worker, lane, limits))
    except* Over:
        log.info("there are no more questions")
    except* WorkerGone as several:
        gone = several.exceptions[0]
    if gone is not None:
        raise gone
    return 0


async def _tell_that_it_lives(worker: Worker) -> None:
    while True:
        await worker.call("POST", "/alive")
        await asyncio.sleep(worker.patience / SIGNS_OF_LIFE)


async def _lane(worker: Worker, lane: int, limits: Limits) -> None:
    while True:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
            await _one(worker, lane, limits, Path(made))


async def _one(worker: Worker, lane: int, limits: Limits, folder: Path) -> None:
    package, unpacked, home = folder / "package.tar", folder / "question", folder / "home"
    asked = await worker.question(lane, package)
    if asked is None:
        return
    unpacked.mkdir()
    home.mkdir()
    question = await asyncio.to_thread(unpack, package, unpacked)
    package.unlink()
    try:
        outcome, body = "answered", await answer_in_process(question, unpacked / FILES, home, limits)
    except EngineCrashed as crash:
        outcome, body = "crashed", crash.message.encode()
    except EngineFailed as failure:
        outcome, body = "failed", failure.message.encode()
    log.info("answered", engine=question["engine"], files=len(question["files"]), outcome=outcome)
    await worker.call("PUT", f"/answers/{asked}", params={"outcome": outcome}, content=body)
