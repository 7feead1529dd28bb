"""A site: the folder in which one suite of processes lives, and what must be remembered between commands."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field

from assay_local.ports import free_port, is_free

_LOOK_SECONDS = 0.05


class State(BaseModel):
    """What another process must know to join: ports and passwords. Kept in `state.json`, readable by its owner only."""

    ports: dict[str, int] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)


class Site:
    """The folder of one suite: data, logs, pid files and the state file.

    Any process that opens the same folder sees the same suite: what one starts, another can stop.
    A `temporary` site need not survive a power cut, so that its database may skip fsync.
    """

    def __init__(self, folder: Path, *, temporary: bool = False) -> None:
        self.folder = folder.resolve()
        self.temporary = temporary
        for each in (self.folder / "data", self.folder / "logs", self.pids):
            each.mkdir(parents=True, exist_ok=True)

    @property
    def pids(self) -> Path:
        """The folder of the pid files: one for each process that was started and not yet stopped."""
        return self.folder / "run"

    @property
    def state_file(self) -> Path:
        """Where ports and secrets are remembered."""
        return self.folder / "state.json"

    def data(self, name: str) -> Path:
        """The data folder of a component; made when missing."""
        folder = self.folder / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, name: str) -> Path:
        """The file that a process' output is appended to."""
        return self.folder / "logs" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """The file that says which process this is."""
        return self.pids / f"{name}.json"

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Nobody else, in this process or another, is inside at the same time for the same name."""
        lock = FileLock(self._lock_file(name), thread_local=False)
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                await asyncio.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            lock.release()

    def state(self) -> State:
        """What is remembered now."""
        if not self.state_file.exists():
            return State()
        return State.model_validate_json(self.state_file.read_bytes())

    @contextmanager
    def changing(self) -> Iterator[State]:
        """Read, change and write the state, alone."""
        with FileLock(self._lock_file("state")):
            state = self.state()
            before = state.model_copy(deep=True)
            yield state
            if state != before:
                self._write(state)

    def port(self, name: str, given: int | None = None) -> int:
        """The port of that name: the one given, else chosen free the first time and the same ever after."""
        with self.changing() as state:
            if given is not None:
                state.ports[name] = given
            if name not in state.ports:
                state.ports[name] = free_port(avoid=set(state.ports.values()))
            return state.ports[name]

    def secret(self, name: str) -> str:
        """The secret of that name: 32 random bytes as URL-safe base64, made the first time, the same ever after."""
        with self.changing() as state:
            return state.secrets.setdefault(name, secrets.token_urlsafe(32))

    def forget_taken_ports(self) -> None:
        """Have other ports chosen for those that somebody took since; only while nothing of the site runs."""
        with self.changing() as state:
            state.ports = {name: port for name, port in state.ports.items() if is_free(port)}

    def _lock_file(self, name: str) -> Path:
        return self.folder / f".{name}.lock"

    def _write(self, state: State) -> None:
        draft = self.state_file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(state.model_dump_json(indent=2))
        draft.replace(self.state_file)
