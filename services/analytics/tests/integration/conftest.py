import asyncio
from contextlib import AsyncExitStack

import grpc.aio
import pytest

from assay.analytics.v1 import analytics_pb2_grpc
from assay_analytics import bootstrap
from assay_analytics.settings import Settings
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.settings import DatabaseSettings, GrpcSettings, Targets
from assay_testing.auth_server import auth_server


@pytest.fixture
async def database(make_database):
    made = await make_database("analytics", logins=("assay_analytics",))
    settings = DatabaseSettings(url=made.logins["assay_analytics"], migration_url=made.owner_url)
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
        yield analytics_pb2_grpc.AnalyticsServiceStub(channel)
        lifecycle.stop()
        await lifecycle.drain()
        assert lifecycle.failure is None
