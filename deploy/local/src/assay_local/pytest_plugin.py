"""Real components as pytest fixtures: started when first asked for, once per run, shared by all pytest-xdist workers.

The fixtures hand out plain objects (`postgres.url`, `kafka.bootstrap_servers`, `valkey.url`, `model_server.url`) that
hold no connection and belong to no event loop. Everything lives in one temporary folder and is stopped when the run
ends, however it ends. Tests share the components: each makes its own database or organisation, and one that stops or
kills a component starts its own in a site of `make_site`.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import pytest

from assay_local.components import Component, Database, Kafka, ModelServer, Postgres, Valkey
from assay_local.keeper import start_keeper
from assay_local.servers import Servers
from assay_local.shutdown import stop_below
from assay_local.site import Address, Site
from assay_local.stack import Stack

_FOLDER = pytest.StashKey[Path]()
_CONTROLLER = pytest.StashKey[int]()
C = TypeVar("C", bound=Component)


class MakeDatabase(Protocol):
    """Makes a fresh database in the run's server."""

    def __call__(self, prefix: str = "test", *, logins: tuple[str, ...] = ()) -> Awaitable[Database]:
        """`logins` are names of ordinary users to make (`assay_prompt`), shared by all databases of the run."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder of the run, or take over the one that the controller chose."""
    shared: dict[str, Any] | None = getattr(config, "workerinput", None)
    config.stash[_FOLDER] = Path(shared["assay_folder"] if shared else tempfile.mkdtemp(prefix="assay-test-"))
    config.stash[_CONTROLLER] = shared["assay_controller"] if shared else os.getpid()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a pytest-xdist worker where the run lives and who ends it."""
    node.workerinput["assay_folder"] = str(node.config.stash[_FOLDER])
    node.workerinput["assay_controller"] = node.config.stash[_CONTROLLER]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop everything; called after an interrupt too."""
    if config.stash.get(_CONTROLLER, None) == os.getpid():
        _run(stop_below(config.stash[_FOLDER]))
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def run_site(request: pytest.FixtureRequest) -> Site:
    """The site that all workers of this run share."""
    site = Site(request.config.stash[_FOLDER], temporary=True)
    _run(start_keeper(site.folder, request.config.stash[_CONTROLLER]))
    return site


@pytest.fixture(scope="session")
def make_site(run_site: Site) -> Callable[[], Site]:
    """Makes a site of one's own, for tests that stop and kill; what is left running is stopped at the run's end."""
    return lambda: Site(run_site.folder / "own" / uuid4().hex, temporary=True)


@pytest.fixture(scope="session")
def postgres(run_site: Site) -> Postgres:
    """PostgreSQL with pgvector."""
    return _started(Postgres, run_site)


@pytest.fixture(scope="session")
def kafka(run_site: Site) -> Kafka:
    """Apache Kafka, one broker; topics are not made by use."""
    return _started(Kafka, run_site)


@pytest.fixture(scope="session")
def valkey(run_site: Site) -> Valkey:
    """Valkey."""
    return _started(Valkey, run_site)


@pytest.fixture(scope="session")
def model_server(run_site: Site) -> ModelServer:
    """A small language model behind an OpenAI-compatible API."""
    return _started(ModelServer, run_site)


@pytest.fixture(scope="session")
def make_database(postgres: Postgres) -> MakeDatabase:
    """`await make_database("prompt", logins=("assay_prompt",))` gives a fresh `Database`."""

    async def make(prefix: str = "test", *, logins: tuple[str, ...] = ()) -> Database:
        return await postgres.make_database(f"{prefix}_{uuid4().hex[:12]}", logins=logins)

    return make


@pytest.fixture(scope="session")
def make_servers(run_site: Site) -> Callable[..., Servers]:
    """`make_servers("192.0.2.1")` starts PostgreSQL, Kafka, Valkey and a model there, for an installation elsewhere.

    Once a run for each address; more keywords are those of `Address` and `Servers`. They stop when the run ends.
    """

    def make(listen: str, *, advertised: str = "", **options: Any) -> Servers:
        folder = run_site.folder / "servers" / listen.replace(":", "-")
        site = Site(folder, temporary=True, address=Address(listen=listen, advertised=advertised))
        servers = Servers(site, **options)
        _run(servers.start())
        return servers

    return make


@pytest.fixture(scope="session")
def stack(run_site: Site) -> Stack:
    """The whole suite on the run's shared components: `stack.gateway_url`, `stack.admin_email`, `stack.process(name)`.

    Others use it at the same time: whoever kills or stops something uses `make_stack`.
    """
    stack = Stack(run_site.folder, temporary=True)
    _run(stack.up())
    return stack


@pytest.fixture(scope="session")
def make_stack(make_site: Callable[[], Site]) -> Callable[..., Stack]:
    """Makes a suite of one's own, not started: `async with make_stack() as stack: await stack.up(only=["prompt"])`."""

    def make(**options: Any) -> Stack:
        return Stack(make_site().folder, temporary=True, **options)

    return make


def _started(kind: type[C], site: Site) -> C:
    component = kind(site)
    _run(component.start())
    return component


def _run(work: Coroutine[Any, Any, Any]) -> None:
    """Run to the end in a thread of its own: the caller may be inside an event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
