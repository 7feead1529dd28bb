"""What every component can do."""

import signal
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from assay_local import ports
from assay_local.errors import LaunchError
from assay_local.process import Command, Process, Tell, say_nothing
from assay_local.site import Site


class Component(ABC):
    """A server on the site's address whose data, port and process belong to the site.

    Made again on the same site, by any process, it is the same server.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, site: Site, *, port: int | None = None) -> None:
        self.site = site
        self.port = site.port(self.name, port)
        self.process = Process(self.name, site, self.healthy, stop_signal=self.stop_signal)

    @property
    def host(self) -> str:
        """The host by which clients find it."""
        return self.site.address.clients

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it."""

    @abstractmethod
    async def healthy(self) -> bool:
        """Whether it answers its own protocol now."""

    @abstractmethod
    async def prepare(self, tell: Tell, /) -> Command:
        """Fetch and lay out what is missing; return the command that runs the server."""

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process.running

    async def start(self, tell: Tell = say_nothing) -> None:
        """Start unless it runs, and wait until it answers.

        Raises:
            LaunchError: it could not; the message says why and what to do.
        """
        async with self.site.alone(self.name):
            await self._start(tell)

    async def stop(self) -> None:
        """End it in order; the data stays."""
        await self.process.stop()

    async def kill(self) -> None:
        """SIGKILL, as the kernel or a dying machine would."""
        await self.process.kill()

    async def restart(self, tell: Tell = say_nothing) -> None:
        """Stop in order and start on the same port and data."""
        await self.stop()
        await self.start(tell)

    async def _start(self, tell: Tell) -> None:
        if self.running:
            await self.process.wait_until_healthy(tell)
            return
        command = await self.prepare(tell)
        ports.ensure_free(
            self.port,
            host=self.site.address.listen,
            wanted_by=self.name,
            remedy=f"Stop that program, or delete `{self.name}` in {self.site.state_file} to have another port chosen.",
        )
        tell(self.name, f"starting on port {self.port}")
        await self.process.start(command, tell)


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it: only the files that it ships are wanted.

    Raises:
        LaunchError: the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LaunchError(f"The Python package {package} is not installed; run `uv sync --all-packages`.")
    return Path(spec.submodule_search_locations[0])
