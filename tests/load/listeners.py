"""Many listeners of the live feed: `python -m tests.load.listeners`, a `Crowd` as JSON on a line of standard input.

It answers with a line once all are connected and greeted. To each further line on standard input it answers with how
many milliseconds each event took, from its `time` to the listener, that was heard since; at the end of standard input
it goes. Like the load generator it is a process of its own without a WebSocket library: the client must cost far less
than what it measures, and ten thousand of them must fit.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast

import uvloop

AT_ONCE: Final = 50
"""Connections that are being made at a time."""
PATIENCE: Final = 30.0
"""Seconds that a connection may take to be greeted."""

_TIME: Final = b'"time":"'
_TEXT, _CLOSE, _PING = 0x1, 0x8, 0x9


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who listens where."""

    port: int
    bearer: str
    count: int


@dataclass(slots=True)
class _Heard:
    """What the listeners have in common."""

    milliseconds: list[float] = field(default_factory=list)
    lost: int = 0


class _Listener(asyncio.Protocol):
    """One connection (RFC 6455), which takes whole frames from the server and answers its pings."""

    def __init__(self, crowd: Crowd, heard: _Heard, greeted: asyncio.Future[None]) -> None:
        self._crowd = crowd
        self._heard = heard
        self._greeted = greeted
        self._data = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            (
                "GET /ws/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                f"Authorization: Bearer {self._crowd.bearer}\r\n\r\n"
            ).encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard.lost += 1
        if not self._greeted.done():
            self._greeted.set_exception(ConnectionError(f"refused or cut off: {self._data[:200]!r} {exc}"))

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._data += data
        if not self._upgraded:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                assert self._transport is not None
                self._transport.close()
                return
            self._upgraded, self._data = True, rest
        while (frame := self._frame()) is not None:
            self._take(*frame, now)

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        length, start = data[1], 2
        if length == 126:
            length, start = int.from_bytes(data[2:4]), 4
        elif length == 127:
            length, start = int.from_bytes(data[2:10]), 10
        if len(data) < start + length:
            return None
        self._data = data[start + length :]
        return data[0] & 0x0F, data[start : start + length]

    def _take(self, kind: int, payload: bytes, now: float) -> None:
        assert self._transport is not None
        if kind == _PING:  # With a mask of zeros, which leaves the payload as it is.
            self._transport.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
        elif kind == _CLOSE:
            self._transport.close()
        elif kind == _TEXT and not self._greeted.done():
            self._greeted.set_result(None)
        elif kind == _TEXT and payload.startswith(b'{"type":"event"'):
            start = payload.index(_TIME) + len(_TIME)
            happened = datetime.fromisoformat(payload[start : payload.index(b'"', start)].decode())
            self._heard.milliseconds.append((now - happened.timestamp()) * 1000)


async def _serve(crowd: Crowd, lines: asyncio.StreamReader) -> None:
    heard, gate = _Heard(), asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()
    kept: list[asyncio.BaseTransport] = []

    async def join() -> None:
        greeted = loop.create_future()
        async with gate, asyncio.timeout(PATIENCE):
            made = await loop.create_connection(lambda: _Listener(crowd, heard, greeted), "127.0.0.1", crowd.port)
            kept.append(made[0])
            await greeted

    await asyncio.gather(*(join() for _ in range(crowd.count)))
    _say({"connected": crowd.count})
    while await lines.readline():
        _say(dataclasses.asdict(heard))
        heard.milliseconds = []


def _say(words: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Read the crowd, be it, and report."""
    lines = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await _serve(Crowd(**json.loads(await lines.readline())), lines)


if __name__ == "__main__":
    uvloop.run(main())
