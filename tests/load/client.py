"""The load generator: `python -m tests.load.client`, a `Job` as JSON on standard input, a `Figures` on standard output.

A closed loop: every connection sends a request, waits for the whole answer, and sends the next. It is a process of its
own, and no HTTP library, because on two cores the generator must cost far less than what it measures: against a bare
route, over 32 connections, httpx came to 350 requests/s and aiohttp to 5,800 where this one came to 9,500 with a
quarter of a core. Here libuv moves the bytes, llhttp (httptools, the parser of the servers) reads the answers, and
`client_busy` in the result says how far from its own end the generator was.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import httptools
import uvloop

NUMBER: Final = b"{number}"
"""Where a request contains these eight bytes, each repetition has an eight-digit number of its own instead."""
PATIENCE: Final = 10.0
"""Seconds that the last answers may take."""

_FOLDER: Final = Path(__file__).parents[2]


class LoadFailed(Exception):
    """An answer was not the expected one, or did not come: there is no figure to report."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask, whom, how long."""

    port: int
    """On the loopback address: nothing else is ever put under load."""
    requests: list[str]
    """One connection each: the whole text of the request that it repeats."""
    status: int
    """What every answer must have."""
    seconds: float
    warm_up_seconds: float = 0.5
    """Asked before, not measured, but answers must be good already."""
    per_second: float | None = None
    """Requests a second, of all connections together; None = each asks again as soon as it has its answer.

    With a rate, a request's time counts from when it was due, so that an answer that is late cannot hide how long the
    next ones had to wait (coordinated omission).
    """


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    rps: float
    """Answers a second, over all connections."""
    p50_ms: float
    p99_ms: float
    answers: int
    client_busy: float
    """Share of one core that the generator itself used."""


def request(method: str, path: str, *, bearer: str, body: str = "", headers: Sequence[str] = ()) -> str:
    """The text of a request on a connection that is kept alive."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*", f"Authorization: Bearer {bearer}", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", body])


async def measure(job: Job) -> Figures:
    """Have a process of its own do the job; raises LoadFailed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.client"),
        cwd=_FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(json.dumps(dataclasses.asdict(job)).encode())
    if process.returncode:
        raise LoadFailed(errors.decode().strip().rpartition("\n")[2])
    return Figures(**json.loads(output))


@dataclass(slots=True)
class _Tally:
    """What the connections have in common."""

    status: int
    measured_from: float
    until: float
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    asked: int = 0

    def answered(self, status: int, asked_at: float, now: float) -> None:
        if status != self.status:
            self.failures.append(f"status {status} instead of {self.status}")
        if asked_at >= self.measured_from and now < self.until:
            self.latencies.append(now - asked_at)


class _Connection(asyncio.Protocol):
    """Asks until the time is over or something fails."""

    def __init__(self, request: bytes, tally: _Tally, ended: asyncio.Future[None], interval: float) -> None:
        self._request = request
        self._is_numbered = NUMBER in request
        self._tally = tally
        self._interval = interval
        self._due = 0.0
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # Not all at the same moment, where there is a rate.
        self._due = time.perf_counter() + self._interval * random.random()
        self._ask_when_due()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the answer cannot be read: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._fail("the server closed the connection")

    def on_message_complete(self) -> None:
        """Called by the parser at the end of each answer."""
        now = time.perf_counter()
        self._tally.answered(self._parser.get_status_code(), self._asked_at, now)
        if now < self._tally.until and not self._tally.failures:
            self._due += self._interval
            self._ask_when_due()
        else:
            self._end()

    def _ask_when_due(self) -> None:
        wait = self._due - time.perf_counter() if self._interval else 0.0
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        if self._ended.done():
            return
        assert self._transport is not None
        self._tally.asked += 1
        request = self._request.replace(NUMBER, b"%08d" % self._tally.asked) if self._is_numbered else self._request
        self._asked_at = self._due if self._interval else time.perf_counter()
        self._transport.write(request)

    def _fail(self, words: str) -> None:
        self._tally.failures.append(words)
        self._end()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def do(job: Job) -> Figures:
    """Do the job in this process; raises LoadFailed, OSError when nobody listens."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter() + job.warm_up_seconds
    tally = _Tally(job.status, start, start + job.seconds)
    ends = [loop.create_future() for _ in job.requests]
    interval = len(job.requests) / job.per_second if job.per_second else 0.0
    for text, ended in zip(job.requests, ends, strict=True):
        await loop.create_connection(
            lambda text=text, ended=ended: _Connection(text.encode(), tally, ended, interval),  # type: ignore[misc]
            "127.0.0.1",
            job.port,
        )
    cpu_before = time.process_time()
    finished, late = await asyncio.wait(ends, timeout=job.warm_up_seconds + job.seconds + PATIENCE)
    if late:
        tally.failures.append(f"{len(late)} of {len(finished) + len(late)} connections got no answer")
    if tally.failures or len(tally.latencies) < 2:
        first = tally.failures[0] if tally.failures else "too few answers"
        raise LoadFailed(f"{len(tally.failures)} failures after {tally.asked} requests; the first: {first}")
    centiles = statistics.quantiles(tally.latencies, n=100, method="inclusive")
    busy = (time.process_time() - cpu_before) / (time.perf_counter() - start + job.warm_up_seconds)
    answers = len(tally.latencies)
    return Figures(answers / job.seconds, centiles[49] * 1000, centiles[98] * 1000, answers, busy)


if __name__ == "__main__":
    figures = uvloop.run(do(Job(**json.load(sys.stdin))))
    json.dump(dataclasses.asdict(figures), sys.stdout)
