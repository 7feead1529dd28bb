"""A site: the folder in which one suite of processes lives, and what must be remembered between commands."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

from assay_local.ports import HOST, free_port, is_free

_LOOK_SECONDS = 0.05
_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - what is meant by them, not a wish to listen there


class Address(BaseModel):
    """Where the components of a site listen, and where their clients find them."""

    model_config = ConfigDict(frozen=True)

    listen: str = HOST
    """The address to listen on; `0.0.0.0` is all of this machine's."""
    advertised: str = ""
    """Name or address that clients are told; by default `listen`."""

    @property
    def clients(self) -> str:
        """The host in the URLs of the components."""
        return self.advertised or self.listen

    @property
    def here(self) -> str:
        """The host by which this machine reaches them."""
        return HOST if self.listen in _ALL_ADDRESSES else self.listen

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach them."""
        return self.listen == HOST


class State(BaseModel):
    """What another process must know to join. Kept in `state.json`, readable by its owner only."""

    address: Address = Address()
    ports: dict[str, int] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)


class Site:
    """The folder of one suite: data, logs, pid files and the state file.

    Any process that opens the same folder sees the same suite: what one starts, another can stop.
    A `temporary` site need not survive a power cut, so that its database may skip fsync.
    Components listen on the loopback address unless `address`, which is remembered, says otherwise; services always do.
    """

    def __init__(self, folder: Path, *, temporary: bool = False, address: Address | None = None) -> None:
        self.folder = folder.resolve()
        self.temporary = temporary
        for each in (self.folder / "data", self.folder / "logs", self.pids):
            each.mkdir(parents=True, exist_ok=True)
        if address is not None:
            with self.changing() as state:
                state.address = address
        self.address = address or self.state().address

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
                state.ports[name] = free_port(avoid=set(state.ports.values()), host=self.address.listen)
            return state.ports[name]

    def secret(self, name: str, given: str | None = None) -> str:
        """The secret of that name: the one given, else 32 random bytes as URL-safe base64, made the first time."""
        with self.changing() as state:
            if given is not None:
                state.secrets[name] = given
            return state.secrets.setdefault(name, secrets.token_urlsafe(32))

    def forget_taken_ports(self) -> None:
        """Have other ports chosen for those that somebody took since; only while nothing of the site runs."""
        with self.changing() as state:
            state.ports = {name: port for name, port in state.ports.items() if self._is_free(port)}

    def _is_free(self, port: int) -> bool:
        return is_free(port) and is_free(port, self.address.listen)

    def _lock_file(self, name: str) -> Path:
        return self.folder / f".{name}.lock"

    def _write(self, state: State) -> None:
        draft = self.state_file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(state.model_dump_json(indent=2))
        draft.replace(self.state_file)
