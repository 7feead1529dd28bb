import asyncio
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import grpc.aio
import pytest

from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.rpc.errors import error_from
from assay_common.settings import DatabaseSettings, GrpcSettings, Targets
from assay_prompt import bootstrap
from assay_prompt.settings import Settings
from assay_testing.auth_server import auth_server

ALL = ("prompts:read", "prompts:write", "labels:write")


@pytest.fixture
async def database(make_database):
    made = await make_database("prompt", logins=("assay_prompt",))
    settings = DatabaseSettings(url=made.logins["assay_prompt"], migration_url=made.owner_url)
    await asyncio.to_thread(migrate, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
    return settings


@pytest.fixture
async def connections(database):
    async with pool(database, bootstrap.SCHEMA) as opened:
        yield opened


@pytest.fixture
async def service(database, kafka_settings, issuer):
    """The whole service in this process; yields a stub."""
    lifecycle = Lifecycle(grace_seconds=5)
    async with AsyncExitStack() as stack:
        auth = await stack.enter_async_context(auth_server(issuer))
        settings = Settings(
            database=database,
            kafka=kafka_settings,
            grpc=GrpcSettings(listen="127.0.0.1:0"),
            targets=Targets(auth=auth),
        )
        port = await stack.enter_async_context(bootstrap.serve(settings, lifecycle))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        yield prompts_pb2_grpc.PromptServiceStub(channel)
        lifecycle.stop()
        await lifecycle.drain()
        assert lifecycle.failure is None


@pytest.fixture
def org():
    return uuid4()


@pytest.fixture
def people(issuer, service, org):
    """Makes somebody who calls the service: `people(role="admin").GetPrompt(request)`."""

    def make(role="member", org_id=org, **claims):
        return Somebody(service, issuer, org_id, role=role, **claims)

    return make


class Somebody:
    """Calls the service as one person (or key) of an organisation."""

    def __init__(self, service, issuer, org_id, **claims):
        self.id = UUID(claims.setdefault("sub", str(uuid4())))
        self.org_id = org_id
        self._service = service
        self._metadata = issuer.caller(org_id, *ALL, **claims)

    def __getattr__(self, rpc):
        method = getattr(self._service, rpc)
        return lambda request: method(request, metadata=self._metadata)

    async def refused(self, rpc, request):
        """The reason that the call is refused with; empty when it is not."""
        try:
            await getattr(self, rpc)(request)
        except grpc.aio.AioRpcError as error:
            return error_from(error).reason
        return ""

    async def create(self, name="triage", visibility=0, *texts):
        """Create a prompt with a version of each text."""
        made = await self.CreatePrompt(prompts_pb2.CreatePromptRequest(name=name, visibility=visibility))
        for text in texts:
            content = prompts_pb2.Content(text=text)
            await self.PublishVersion(prompts_pb2.PublishVersionRequest(prompt=made.id, content=content))
        return made

    async def get(self, prompt):
        """The prompt of this id or name."""
        return await self.GetPrompt(prompts_pb2.GetPromptRequest(prompt=prompt))
