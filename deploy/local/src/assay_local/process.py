"""One child process: started detached with its output in a file, watched until healthy, stopped by whoever comes later.

The pid file is the truth, not a handle in memory, so that `down`, another test worker or a chaos test can stop what
somebody else started.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import psutil
from platformdirs import user_cache_path

from assay_local.errors import NotHealthy, ProcessDied
from assay_local.site import Site

Tell: TypeAlias = Callable[[str, str], None]
"""Told of progress: the name of what is being started, and a few words."""

_POLL_SECONDS = 0.03
# This process' own children: only their parent can reap them, so they are kept until they end.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


def say_nothing(_name: str, _words: str) -> None:
    """The listener of somebody who does not want to hear of progress."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: the argument list, and the variables to add to this process' environment."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Process:
    """A named process of a site, found again by its pid file."""

    name: str
    site: Site
    healthy: Callable[[], Awaitable[bool]]
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 90
    grace_seconds: float = 15

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        try:
            record = json.loads(self.site.pid_file(self.name).read_text())
        except FileNotFoundError:
            return None
        pid = int(record["pid"])
        return pid if is_alive(pid) and _born(pid) == record["born"] else None

    @property
    def running(self) -> bool:
        """Whether it runs now; a zombie does not."""
        return self.pid is not None

    @property
    def died(self) -> bool:
        """Whether it was started, not stopped, and yet does not run."""
        return self.site.pid_file(self.name).exists() and not self.running

    async def start(self, command: Command, tell: Tell = say_nothing) -> None:
        """Run the command unless this already runs, and return when it is healthy.

        Raises:
            ProcessDied, NotHealthy: as `wait_until_healthy`.
        """
        if not self.running:
            self._spawn(command)
        await self.wait_until_healthy(tell)

    async def stop(self) -> None:
        """Ask it to end, wait for the grace period, then kill what is left of its tree."""
        if (pid := self.pid) is not None:
            tree = family(pid)
            tree[0].send(self.stop_signal)
            await _until_gone(tree[:1], self.grace_seconds)
            await _kill(tree)
        self.site.pid_file(self.name).unlink(missing_ok=True)

    async def kill(self) -> None:
        """SIGKILL the whole tree: nothing gets a chance to tidy up. The pid file stays, as after a crash."""
        if (pid := self.pid) is not None:
            await _kill(family(pid))

    async def wait_until_healthy(self, tell: Tell = say_nothing) -> None:
        """Return when the health condition holds.

        Raises:
            ProcessDied: it ended instead; the message carries the end of its log.
            NotHealthy: the deadline passed; the process has been stopped.
        """
        started = time.monotonic()
        announced = 0
        while not await self.healthy():
            waited = time.monotonic() - started
            if not self.running:
                self.site.pid_file(self.name).unlink(missing_ok=True)
                raise ProcessDied(f"{self.name} ended before it was ready. {_last_words(self.site.log(self.name))}")
            if waited > self.start_seconds:
                await self.stop()
                raise NotHealthy(
                    f"{self.name} was not ready after {self.start_seconds:.0f} s. "
                    f"{_last_words(self.site.log(self.name))}"
                )
            if int(waited) > announced:
                announced = int(waited)
                tell(self.name, f"waiting until it is ready ({announced} s)")
            await asyncio.sleep(_POLL_SECONDS)

    def _spawn(self, command: Command) -> None:
        log = self.site.log(self.name)
        with log.open("ab") as output:
            child = subprocess.Popen(
                [str(part) for part in command.argv],
                env=_environment(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.site.folder,
                start_new_session=True,  # ctrl-C in the terminal is for us; we stop the others in order
            )
        _children[child.pid] = child
        record = {"pid": child.pid, "born": _born(child.pid), "stop_signal": self.stop_signal.value}
        draft = self.site.pid_file(self.name).with_suffix(".draft")
        draft.write_text(json.dumps(record))
        draft.replace(self.site.pid_file(self.name))  # at once: others read it


async def run_to_end(name: str, site: Site, command: Command) -> None:
    """Run a command that ends by itself, its output in the log of that name.

    Raises:
        ProcessDied: it failed; the message carries the end of its log.
    """
    with site.log(name).open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command.argv, env=_environment(command), stdout=output, stderr=asyncio.subprocess.STDOUT
        )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if code:
        raise ProcessDied(f"{name} failed with exit code {code}. {_last_words(site.log(name))}")


def _environment(command: Command) -> dict[str, str]:
    """This process' variables and the command's own."""
    return {**os.environ, **_bytecode_elsewhere(), **command.env}


def _bytecode_elsewhere() -> dict[str, str]:
    """Where Python may not write bytecode beside the sources, have it in the user's cache.

    Without any, each process would compile all it imports anew at every start, for seconds.
    """
    if not sys.dont_write_bytecode:
        return {}
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(user_cache_path("assay") / "bytecode")}


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has wholly ended and only waits to be reaped does not."""
    if (child := _children.get(pid)) is not None:
        if child.poll() is None:
            return True
        del _children[pid]
        return False
    try:
        process = psutil.Process(pid)
        # A zombie with threads is still ending: they hold its sockets.
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True, slots=True)
class Member:
    """One process of a tree, told apart from a later one that got the same pid."""

    pid: int
    born: float

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return is_alive(self.pid) and _born(self.pid) == self.born

    def send(self, number: signal.Signals) -> None:
        """Send it a signal if it still runs."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def family(pid: int) -> list[Member]:
    """The process, first, and all its descendants."""
    pids = [pid]
    with contextlib.suppress(psutil.NoSuchProcess):
        pids += [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return [Member(each, _born(each)) for each in pids]


def _born(pid: int) -> float:
    """When the process was started, so that a pid used again by another is told apart.

    On Linux in clock ticks since boot (proc(5), stat field 22), which no change of the clock moves.
    """
    with contextlib.suppress(OSError, psutil.Error):
        if sys.platform == "linux":
            return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        return psutil.Process(pid).create_time()
    return 0.0


async def _kill(members: Sequence[Member]) -> None:
    for member in members:
        member.send(signal.SIGKILL)
    await _until_gone(members, seconds=10)


async def _until_gone(members: Sequence[Member], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(member.alive for member in members) and time.monotonic() < deadline:  # noqa: ASYNC110 - as keeper
        await asyncio.sleep(_POLL_SECONDS)


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-15:]
    return f"The end of its log, {log}:\n" + "\n".join(f"    {line[:300]}" for line in lines)
