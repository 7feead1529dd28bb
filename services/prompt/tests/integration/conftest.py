import asyncio
from contextlib import AsyncExitStack

import grpc.aio
import pytest

from assay.prompt.v1 import prompts_pb2_grpc
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.settings import DatabaseSettings, GrpcSettings, Targets
from assay_prompt import bootstrap
from assay_prompt.settings import Settings
from assay_testing.auth_server import auth_server


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
