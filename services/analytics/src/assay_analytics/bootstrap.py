"""Wires the adapters to the use cases: the only place that knows both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from assay.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from assay_analytics.adapters.postgres import PostgresTransaction
from assay_analytics.application.count_event import CountEvent
from assay_analytics.application.read_usage import GetSummary, ListEventCounts, ListUsage
from assay_analytics.entrypoints.consumers import AllEvents
from assay_analytics.entrypoints.grpc import AnalyticsServicer
from assay_analytics.settings import Settings
from assay_common.clock import utc_now
from assay_common.kafka.consumer import consume
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc import client, server
from assay_common.rpc.jwks import TokenVerifier, jwks_from_auth
from assay_protos import topics

SCHEMA = "analytics"
MIGRATIONS = Path(__file__).parent / "migrations"
SERVICES = list(analytics_pb2.DESCRIPTOR.services_by_name.values())
EVENT_STREAMS = [topic for topic in topics.ALL if topic.is_event_stream]


@asynccontextmanager
async def serve(settings: Settings, lifecycle: Lifecycle) -> AsyncIterator[int]:
    """Run the service for the length of the block; yields the gRPC port."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(pool(settings.database, SCHEMA, lifecycle))
        auth = await stack.enter_async_context(client.channel(settings.targets.require("auth"), settings.grpc))
        uow = UnitOfWork(database, SCHEMA, PostgresTransaction)
        count = AllEvents(CountEvent(uow))
        lifecycle.spawn("events", consume(lifecycle, settings.kafka, group=SCHEMA, topics=EVENT_STREAMS, handler=count))
        servicer = AnalyticsServicer(GetSummary(uow), ListUsage(uow), ListEventCounts(uow), utc_now)
        yield await stack.enter_async_context(
            server.serve(
                lifecycle,
                settings.grpc,
                [(analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server, servicer)],
                SERVICES,
                TokenVerifier(jwks_from_auth(auth)),
            )
        )
