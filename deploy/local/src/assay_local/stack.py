"""The whole suite: components, then migrations, then services, each as soon as what it needs is ready."""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from assay_local import environment as env
from assay_local import probes
from assay_local.components import Component, Kafka, ModelServer, Postgres, Valkey
from assay_local.memory import memory_mb
from assay_local.ports import HOST, ensure_free
from assay_local.process import Command, Process, Tell, run_to_end, say_nothing
from assay_local.shutdown import recorded, stop_site
from assay_local.site import Address, Site
from assay_local.table import SUITE, TOPICS_MODULE, Entry, with_needs

DEFAULT_GATEWAY_PORT = 8080
TOPICS = "topics"
"""The name of the step that makes the topics, and of its log."""
State = Literal["ready", "not ready", "died", "stopped"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of one process."""

    name: str
    state: State
    pid: int | None
    port: int
    memory_mb: float
    log: Path


@dataclass(frozen=True, slots=True)
class Service:
    """One process of a service, or a replica of it. Chaos tests kill, stop and start it by itself."""

    process: Process
    entry: Entry
    variables: Callable[[], dict[str, str]]

    @property
    def name(self) -> str:
        """Its name in the table; a replica's has a number."""
        return self.process.name

    @property
    def ops_port(self) -> int:
        """The port of /healthz, /readyz and /metrics."""
        return self.process.site.port(env.ops_port(self.name))

    @property
    def ops_url(self) -> str:
        """The base URL of /healthz, /readyz and /metrics."""
        return f"http://{HOST}:{self.ops_port}"

    @property
    def grpc_target(self) -> str:
        """host:port of its gRPC server; a worker has none."""
        return f"{HOST}:{self.process.site.port(env.grpc_port(self.name))}"

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process.running

    async def start(self, tell: Tell = say_nothing) -> None:
        """Start unless it runs, and wait until it says that it is ready.

        Raises:
            LaunchError: it could not; the message says why.
        """
        command = Command([sys.executable, "-m", self.entry.module, self.entry.role], self.variables())
        async with self.process.site.alone(self.name):
            await self.process.start(command, tell)

    async def stop(self) -> None:
        """SIGTERM, and wait: it drains."""
        await self.process.stop()

    async def kill(self) -> None:
        """SIGKILL."""
        await self.process.kill()

    async def restart(self, tell: Tell = say_nothing) -> None:
        """Stop in order and start."""
        await self.stop()
        await self.start(tell)


class Stack:
    """The suite in one folder. Opened again on the same folder, by any process, it is the same suite.

    As an async context manager it is stopped at the end.

    Args:
        folder: where data, logs and the state file live.
        ports: "default" puts the gateway on `gateway_port`, "free" on any free port. All others get free ports.
        gateway_port: for `ports="default"`. What already runs keeps its port.
        temporary: the data need not survive a power cut.
        address: where the components listen; by default where they did before, at first on the loopback address.
        variables: environment variables to add or replace, by the name of a process; "*" is for all.
        table: the processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: Literal["free", "default"] = "free",
        gateway_port: int = DEFAULT_GATEWAY_PORT,
        temporary: bool = False,
        address: Address | None = None,
        variables: Mapping[str, Mapping[str, str]] | None = None,
        table: tuple[Entry, ...] = SUITE,
    ) -> None:
        self.site = Site(folder, temporary=temporary, address=address)
        self.table = table
        self._gateway_port = gateway_port if ports == "default" else None
        self.variables = variables or {}
        if not any(process.running for process in recorded(self.site)):
            self.site.forget_taken_ports()
        self.postgres = Postgres(self.site)
        self.valkey = Valkey(self.site)
        self.kafka = Kafka(self.site)
        self.model = ModelServer(self.site)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.down()

    @property
    def gateway_url(self) -> str:
        """The base URL of the HTTP API."""
        return f"http://{HOST}:{self.site.port(env.http_port('gateway'))}"

    @property
    def admin_email(self) -> str:
        """The bootstrap administrator."""
        return env.ADMIN_EMAIL

    @property
    def admin_password(self) -> str:
        """The bootstrap administrator's password: random, made at the first start."""
        return self.site.secret(env.ADMIN_SECRET)

    @property
    def components(self) -> dict[str, Component]:
        """The components by name."""
        return {each.name: each for each in (self.postgres, self.valkey, self.kafka, self.model)}

    def process(self, name: str) -> Service:
        """The process of that name: of the table, or a replica (`evaluation-work-2`).

        Raises:
            KeyError: there is none of that name.
        """
        entries = {entry.name: entry for entry in self.table}
        entry = entries.get(name) or entries[re.sub(r"-\d+$", "", name)]

        def variables() -> dict[str, str]:
            own = env.environment_of(entry, name, self.site, self.table)
            return {**own, **self.variables.get("*", {}), **self.variables.get(name, {})}

        async def ready() -> bool:
            return await probes.http_ok(self.site.port(env.ops_port(name)), "/readyz")

        return Service(Process(name, self.site, ready), entry, variables)

    async def start_replica(self, name: str, tell: Tell = say_nothing) -> Service:
        """Start one more process like the named one; they share the work as the members of a consumer group."""
        number = 2
        while (replica := self.process(f"{name}-{number}")).running:
            number += 1
        await replica.start(tell)
        return replica

    async def up(self, only: Iterable[str] | None = None, tell: Tell = say_nothing) -> None:
        """Start what does not run: everything, or the named processes and components and all they need.

        Raises:
            LaunchError: something could not be started; what runs is left running, for a second try or for `down`.
        """
        wanted = with_needs(set(only) if only else {entry.name for entry in self.table}, self.table)
        async with self.site.alone("up"):
            if "gateway" in wanted:
                self._settle_gateway_port()
            try:
                await _Launch(self, wanted, tell).run()
            except BaseExceptionGroup as group:
                raise _first(group) from group

    async def down(self) -> list[str]:
        """Stop everything, services before components; returns the names of what was stopped. The data stays."""
        return await stop_site(self.site)

    async def status(self) -> list[Status]:
        """Every process of the suite, running or not, components first."""
        names = [entry.name for entry in self.table]
        replicas = [each.name for each in recorded(self.site) if each.name not in (*names, *self.components)]
        services = [self.process(name) for name in (*names, *replicas)]
        return await asyncio.gather(
            *(self._status(each.process, each.port) for each in self.components.values()),
            *(self._status(each.process, self._port_shown(each)) for each in services),
        )

    async def migrate(self, entry: Entry) -> None:
        """Bring the schema of the entry's service up to date.

        Raises:
            LaunchError: the migration failed; the message carries the end of its log.
        """
        await self.postgres.create_login(env.login_of(entry.service))
        variables = {**env.migration_environment_of(entry, self.site, self.table), **self.variables.get("*", {})}
        command = Command([sys.executable, "-m", entry.module, "migrate"], variables)
        await run_to_end(migration_of(entry), self.site, command)

    async def make_topics(self) -> None:
        """Make the topics that the contracts name and Kafka does not have.

        Raises:
            LaunchError: Kafka refused; the message carries the end of the step's log.
        """
        variables = {**env.topics_environment(self.site), **self.variables.get("*", {})}
        await run_to_end(TOPICS, self.site, Command([sys.executable, "-m", TOPICS_MODULE], variables))

    def _port_shown(self, service: Service) -> int:
        if service.name == "gateway":
            return self.site.port(env.http_port("gateway"))
        if service.entry.role == "work":
            return service.ops_port
        return self.site.port(env.grpc_port(service.name))

    async def _status(self, process: Process, port: int) -> Status:
        pid = process.pid
        state: State = "died" if process.died else "stopped"
        if pid is not None:
            state = "ready" if await process.healthy() else "not ready"
        memory = memory_mb(pid) if pid is not None else 0.0
        return Status(process.name, state, pid, port, memory, self.site.log(process.name))

    def _settle_gateway_port(self) -> None:
        if self.process("gateway").running:
            return
        port = self.site.port(env.http_port("gateway"), self._gateway_port)
        remedy = f"Stop that program, or choose another port: ASSAY_PORT={port + 1} make up"
        ensure_free(port, wanted_by="the gateway", remedy=remedy)


class _Launch:
    """One `up`: every step is a task that waits for just the steps it needs."""

    def __init__(self, stack: Stack, wanted: set[str], tell: Tell) -> None:
        self.stack = stack
        self.wanted = wanted
        self.tell = tell
        self.steps: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Run all steps; the first that fails ends the others."""
        async with asyncio.TaskGroup() as group:
            for name, component in self.stack.components.items():
                if name in self.wanted:
                    self.steps[name] = group.create_task(self._timed(name, component.running, component.start))
            entries = [entry for entry in self.stack.table if entry.name in self.wanted]
            if any("kafka" in entry.needs for entry in entries):
                self.steps[TOPICS] = group.create_task(self._topics_made())
            for entry in entries:
                self._plan(entry, group)

    def _plan(self, entry: Entry, group: asyncio.TaskGroup) -> None:
        service = self.stack.process(entry.name)
        migration = migration_of(entry)
        if not entry.stateless and migration not in self.steps:
            self.steps[migration] = group.create_task(self._migrated(entry, migration))
        self.steps[entry.name] = group.create_task(self._served(service, migration))

    async def _topics_made(self) -> None:
        await self.steps["kafka"]
        await self._timed(TOPICS, False, lambda _tell: self.stack.make_topics())

    async def _migrated(self, entry: Entry, name: str) -> None:
        await self.steps["postgres"]
        same_service = [each.name for each in self.stack.table if each.service == entry.service]
        if not any(self.stack.process(each).running for each in same_service):
            await self._timed(name, False, lambda _tell: self.stack.migrate(entry))

    async def _served(self, service: Service, migration: str) -> None:
        components = [need for need in service.entry.needs if need in self.stack.components]
        for step in (*components, TOPICS, migration):
            if step in self.steps:
                await self.steps[step]
        await self._timed(service.name, service.running, service.start)

    async def _timed(self, name: str, done_before: bool, work: Callable[[Tell], Awaitable[None]]) -> None:
        started = time.monotonic()
        await work(self.tell)
        self.tell(name, "runs already" if done_before else f"ready after {time.monotonic() - started:.1f} s")


def migration_of(entry: Entry) -> str:
    """The name of the entry's migration, and of its log."""
    return f"{entry.service}-migrate"


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
