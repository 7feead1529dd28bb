"""One component in the foreground, as the only process of a container: `python -m assay_local.standalone kafka …`.

What the chart's `standalone` profile runs: a trial without servers of one's own. It listens on all addresses, keeps its
data below `--data`, and answers /healthz and /readyz on a port of its own.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay_local.components import Component, Kafka, ObjectStore, Postgres, Valkey
from assay_local.errors import LaunchError
from assay_local.site import Address, Site

OPS_PORT = 9090
"""Port of /healthz and /readyz."""
_STOP_SECONDS = 20
_LOOK_SECONDS = 0.2

KINDS: dict[str, tuple[type[Component], int]] = {
    "postgres": (Postgres, 5432),
    "kafka": (Kafka, 9092),
    "valkey": (Valkey, 6379),
    "objects": (ObjectStore, 9000),
}
"""What can be run, and the port on which it listens."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Names of the database and its logins; each password is a file of the folder `secrets`, named by its key."""

    secrets: Path
    database: str
    owner: str
    login_prefix: str

    def password(self, key: str) -> str:
        """The password behind a key."""
        return (self.secrets / key).read_text().strip()

    def logins(self) -> dict[str, str]:
        """Passwords by login: of the owner, and of a service for each other key."""
        keys = sorted(file.name for file in self.secrets.iterdir() if not file.name.startswith("."))
        return {self.owner if key == "owner" else f"{self.login_prefix}{key}": self.password(key) for key in keys}


async def run(component: Component, installation: Installation, ops_port: int = OPS_PORT) -> int:
    """Run the component until SIGTERM or its own end; returns the exit code.

    Raises:
        LaunchError: it cannot be started; the message says why.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    _take_over(component, installation)
    command = await component.prepare(_say)
    child = await asyncio.create_subprocess_exec(*command.argv, env={**os.environ, **command.env})
    ready = asyncio.Event()
    ops = await _serve_ops(ops_port, component, ready)
    preparing = asyncio.create_task(_prepare(component, installation, ready))
    ended, stopped = asyncio.create_task(child.wait()), asyncio.create_task(stopping.wait())
    try:
        waiting = {ended, stopped, preparing}
        while not ended.done() and not stopped.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if preparing in done:
                preparing.result()  # its failure ends us
        if ended.done():
            return child.returncode or 1  # a server ends only when it is told to
        return 0
    finally:
        ops.close()
        for task in (preparing, stopped):
            task.cancel()
        await _end(component, child)


def _take_over(component: Component, installation: Installation) -> None:
    """What was left by a container that was killed, and what the installation's Secret says."""
    match component:
        case Postgres():
            # Its process id means nothing in this container, and nobody else has the volume.
            (component.site.data(component.name) / "postmaster.pid").unlink(missing_ok=True)
        case Valkey() | ObjectStore():
            component.site.secret(component.name, installation.password(component.name))


async def _prepare(component: Component, installation: Installation, ready: asyncio.Event) -> None:
    """Wait until it answers, make what the services need of it, and only then let them in."""
    while not await component.healthy():  # noqa: ASYNC110 - only asking tells
        await asyncio.sleep(_LOOK_SECONDS)
    if isinstance(component, Postgres):
        await component.prepare_installation(installation.database, installation.owner, installation.logins())
    ready.set()
    _say(component.name, f"ready on port {component.port}")


async def _serve_ops(port: int, component: Component, ready: asyncio.Event) -> asyncio.Server:
    answers: dict[str, Callable[[], Awaitable[bool]]] = {"/healthz": _yes, "/readyz": component.healthy}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readline()).decode(errors="replace").split(" ")
        check = answers.get(request[1]) if len(request) == 3 else None
        good = check is not None and (check is _yes or ready.is_set()) and await check()
        status = "200 OK" if good else "404 Not Found" if check is None else "503 Service Unavailable"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "0.0.0.0", port)  # noqa: S104 - the kubelet asks from outside


async def _yes() -> bool:
    return True


async def _end(component: Component, child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.send_signal(component.stop_signal)
    try:
        await asyncio.wait_for(child.wait(), _STOP_SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()


def _say(name: str, words: str) -> None:
    print(f"{name}: {words}", flush=True)  # noqa: T201 - the output of this process is its log


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assay_local.standalone", description=__doc__)
    parser.add_argument("component", choices=sorted(KINDS))
    parser.add_argument("--data", type=Path, default=Path("/data"), help="folder of the data")
    parser.add_argument("--advertise", default="127.0.0.1", help="host by which clients find it")
    parser.add_argument("--port", type=int, help="port to listen on; by default the usual one")
    parser.add_argument("--ops-port", type=int, default=OPS_PORT, help="port of /healthz and /readyz")
    parser.add_argument("--secrets", type=Path, default=Path("/etc/assay/standalone"), help="folder of passwords")
    parser.add_argument("--database", default="assay")
    parser.add_argument("--owner", default="assay_owner", help="login that owns the database")
    parser.add_argument("--login-prefix", default="assay_", help="put before a service's name for its login")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run what the arguments name."""
    arguments = _arguments(given)
    kind, usual_port = KINDS[arguments.component]
    address = Address(listen="0.0.0.0", advertised=arguments.advertise)  # noqa: S104 - a Service leads here
    component = kind(Site(arguments.data, address=address), port=arguments.port or usual_port)
    installation = Installation(arguments.secrets, arguments.database, arguments.owner, arguments.login_prefix)
    try:
        return asyncio.run(run(component, installation, arguments.ops_port))
    except (LaunchError, OSError) as error:
        _say(arguments.component, str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
