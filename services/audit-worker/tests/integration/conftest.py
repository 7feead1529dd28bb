import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import grpc.aio
import pytest

from assay.audit.v1 import audits_pb2 as audits
from assay.audit.v1 import audits_pb2_grpc, repositories_pb2_grpc
from assay.audit.v1 import repositories_pb2 as repositories
from assay_audit import bootstrap
from assay_audit.adapters.scratch import ScratchFolders
from assay_audit.entrypoints.consumers import AuditTasks
from assay_audit.settings import CloneSettings, LimitSettings, ObjectStoreSettings, Settings
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.rpc.errors import RemoteError, error_from
from assay_common.settings import DatabaseSettings, GrpcSettings, Targets
from assay_testing.auth_server import auth_server

ALL = ("repositories:read", "repositories:write", "audits:read", "audits:write")


@pytest.fixture(scope="module")
def database(make_database):
    """A migrated database; tests of a module share it, each in an organisation of its own."""
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(asyncio.run, make_database("audit", logins=("assay_audit",))).result()
    settings = DatabaseSettings(url=made.logins["assay_audit"], migration_url=made.owner_url)
    migrate(settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
    return settings


@pytest.fixture
async def connections(database):
    async with pool(database, bootstrap.SCHEMA) as opened:
        yield opened


@pytest.fixture
def make_settings(database, kafka_settings, tmp_path):
    def make(auth: str = "127.0.0.1:1", **changes: Any) -> Settings:
        values = {
            "database": database,
            "kafka": kafka_settings,
            "grpc": GrpcSettings(listen="127.0.0.1:0"),
            "targets": Targets(auth=auth),
            "object_store": ObjectStoreSettings(url=(tmp_path / "objects").as_uri()),
            "data_dir": tmp_path / "data",
            "clone": CloneSettings(),
            "limits": LimitSettings(),
        }
        return Settings(**{**values, **changes})

    return make


@dataclass(frozen=True)
class Client:
    """The service as one organisation's caller sees it."""

    repositories: repositories_pb2_grpc.RepositoryServiceStub
    audits: audits_pb2_grpc.AuditServiceStub
    metadata: tuple[tuple[str, str], ...]
    org_id: UUID

    async def create(self, name: str = "shop", url: str = "") -> repositories.Repository:
        request = repositories.CreateRepositoryRequest(name=name, url=url)
        return await self.repositories.CreateRepository(request, metadata=self.metadata)

    async def upload(self, content: bytes, repository: str = "shop", commit: str = "") -> repositories.UploadedBundle:
        async def parts() -> AsyncIterator[repositories.UploadBundleRequest]:
            header = repositories.BundleHeader(repository=repository, commit=commit)
            yield repositories.UploadBundleRequest(header=header)
            for start in range(0, len(content), 1024 * 1024):
                yield repositories.UploadBundleRequest(chunk=content[start : start + 1024 * 1024])

        return await self.repositories.UploadBundle(parts(), metadata=self.metadata)

    async def start(self, repository: str = "shop", commit: str = "") -> audits.AuditRun:
        request = audits.StartAuditRequest(repository=repository, commit=commit)
        return await self.audits.StartAudit(request, metadata=self.metadata)

    async def run(self, audit_id: str) -> audits.AuditRun:
        return await self.audits.GetAudit(audits.GetAuditRequest(id=audit_id), metadata=self.metadata)

    async def findings(self, audit_id: str, **filters: Any) -> list[audits.Finding]:
        found: list[audits.Finding] = []
        token = ""
        while True:
            request = audits.ListFindingsRequest(audit_id=audit_id, page_token=token, **filters)
            page = await self.audits.ListFindings(request, metadata=self.metadata)
            found.extend(page.findings)
            token = page.next_page_token
            if not token:
                return found


@asynccontextmanager
async def living(start) -> AsyncIterator[Any]:
    """A role of the service for the length of the block; fails when something in it broke."""
    lifecycle = Lifecycle(grace_seconds=10)
    async with start(lifecycle) as value:
        yield value
        lifecycle.stop()
        await lifecycle.drain()
    assert lifecycle.failure is None


@pytest.fixture
async def serve(make_settings, issuer):
    """Starts the service, with changed settings if asked; gives a function that makes clients."""
    async with AsyncExitStack() as stack:
        auth = await stack.enter_async_context(auth_server(issuer))

        async def start(**changes: Any):
            settings = make_settings(auth, **changes)
            port = await stack.enter_async_context(living(lambda lifecycle: bootstrap.serve(settings, lifecycle)))
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
            stubs = repositories_pb2_grpc.RepositoryServiceStub(channel), audits_pb2_grpc.AuditServiceStub(channel)

            def client(*permissions: str, org_id: UUID | None = None, **claims: Any) -> Client:
                org = org_id or uuid4()
                return Client(*stubs, issuer.caller(org, *permissions, **claims), org)

            return client

        yield start


@pytest.fixture
async def as_caller(serve):
    return await serve()


@pytest.fixture
def client(as_caller) -> Client:
    return as_caller(*ALL)


@pytest.fixture
def work(make_settings):
    """Starts a worker in this process for the length of a block."""

    def start(**changes: Any):
        return living(lambda lifecycle: bootstrap.work(make_settings(**changes), lifecycle))

    return start


@pytest.fixture
def make_tasks(make_settings, connections):
    """Makes what a worker does, to be called without Kafka."""
    with ExitStack() as stack:

        def make(**changes: Any) -> AuditTasks:
            settings = make_settings(**changes)
            scratch = ScratchFolders(settings.data_dir, settings.limits.bundle_bytes)
            stack.callback(scratch.close)
            return bootstrap.audit_tasks(bootstrap.parts_of(settings, connections, scratch))

        yield make


@pytest.fixture
def refusal():
    """Awaits a call that is refused; gives the error."""

    async def of(call) -> RemoteError:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        return error_from(raised.value)

    return of


@pytest.fixture
def finished(until):
    """Waits until a run has ended."""

    async def wait(client: Client, run: audits.AuditRun, seconds: float = 120) -> audits.AuditRun:
        async def ended():
            current = await client.run(run.id)
            return current if current.HasField("finished_at") else None

        return await until(ended, seconds)

    return wait


@pytest.fixture
def events_of(connections):
    """The events and tasks of an aggregate or an organisation, as they lie in the table."""

    async def read(org_id: UUID, topic: str = "assay.audit.events") -> list[Any]:
        async with connections.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE assay_audit_system")
            return await connection.fetch(
                "SELECT * FROM events WHERE org_id = $1 AND topic = $2 ORDER BY position", org_id, topic
            )

    return read


SHOP = {
    "shop/__init__.py": '"""A shop."""\n',
    "shop/cart.py": (
        '"""The cart."""\n\nimport os\nimport subprocess\n\n\n'
        "def total(prices):\n    subprocess.call('ls', shell=True)\n    return sum(prices) + undefined\n"
    ),
    "tests/test_cart.py": "from shop import cart\n\n\ndef test_total():\n    assert cart.total([1]) == 1\n",
    "README.md": "# Shop\n",
}


@pytest.fixture
def shop(work_tree):
    """A small repository with known faults."""
    work_tree.put(SHOP)
    work_tree.commit("Begin the shop")
    return work_tree
