"""Programs that are given hostile input: started from argument lists, with a bare environment and hard limits."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

MAX_STDERR: Final = 64 * 1024
"""Bytes kept of what a program complains about."""
BLOCK: Final = 512
"""Bytes of POSIX's unit for the size of files."""

# The shell sets the limits in the process that then becomes the program; a limit that the system does not know, or
# that is lower already, is left as it is. The program and its arguments are arguments of the shell, never its text.
_LIMITED: Final = 'ulimit -f "$1" || :; ulimit -v "$2" || :; ulimit -t "$3" || :; ulimit -c 0 || :; shift 3; exec "$@"'


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use up."""

    seconds: float
    """Time on the clock; as much again of CPU time on each of two cores."""
    memory_bytes: int
    """Address space of one process."""
    file_bytes: int
    """Size of one file that it writes."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended."""

    code: int
    """Exit code; negative: the signal that ended it."""
    stdout: bytes
    stderr: str


class TimedOut(Exception):
    """The program ran longer than it may, and was killed."""


class TooMuchOutput(Exception):
    """The program wrote more than is read, and was killed."""


def environment(home: Path) -> dict[str, str]:
    """An environment with nothing of ours in it: no credentials, no proxies, no configuration."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "TMPDIR": str(home), "LC_ALL": "C.UTF-8"}


async def run(
    argv: Sequence[str],
    *,
    folder: Path,
    env: Mapping[str, str],
    limits: Limits,
    stdin: IO[bytes] | None = None,
    max_output: int = 1024 * 1024,
) -> Completed:
    """Run a program to its end.

    Raises:
        TimedOut: it took longer than `limits.seconds`.
        TooMuchOutput: it wrote more than `max_output` bytes.
    """
    async with started(argv, folder=folder, env=env, limits=limits, stdin=stdin) as process:
        try:
            async with asyncio.timeout(limits.seconds):
                stdout, stderr = await asyncio.gather(
                    _read(_pipe(process.stdout), max_output), _read_start(_pipe(process.stderr))
                )
                code = await process.wait()
        except TimeoutError:
            raise TimedOut(f"no end after {limits.seconds:g} s") from None
    return Completed(code, stdout, stderr.decode("utf-8", "replace"))


@asynccontextmanager
async def started(
    argv: Sequence[str],
    *,
    folder: Path,
    env: Mapping[str, str],
    limits: Limits,
    stdin: IO[bytes] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running program; with the block's end it is killed, and everything it started with it."""
    process = await asyncio.create_subprocess_exec(
        *_limited(argv, limits),
        cwd=folder,
        env=dict(env),
        stdin=stdin or asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _limited(argv: Sequence[str], limits: Limits) -> list[str]:
    blocks, kibibytes = limits.file_bytes // BLOCK, limits.memory_bytes // 1024
    seconds = max(1, int(2 * limits.seconds))
    return ["/bin/sh", "-c", _LIMITED, "sh", str(blocks), str(kibibytes), str(seconds), *argv]


async def _read(stream: asyncio.StreamReader, at_most: int) -> bytes:
    read = bytearray()
    while chunk := await stream.read(64 * 1024):
        read += chunk
        if len(read) > at_most:
            raise TooMuchOutput(f"more than {at_most} bytes of output")
    return bytes(read)


async def _read_start(stream: asyncio.StreamReader) -> bytes:
    """The first bytes; the rest is read too, and forgotten, so that the program does not wait for ever."""
    read = bytearray()
    while chunk := await stream.read(16 * 1024):
        read += chunk[: max(0, MAX_STDERR - len(read))]
    return bytes(read)


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise RuntimeError("the program was started without pipes")
    return stream
