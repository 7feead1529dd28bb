"""Wires the adapters to the use cases: the only place that knows both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from assay.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from assay_analytics.adapters.held import PostgresHold
from assay_analytics.adapters.postgres import PostgresTransaction
from assay_analytics.adapters.stream import kafka_stream
from assay_analytics.application.count_event import CountEvent
from assay_analytics.application.read_usage import GetSummary, ListEventCounts, ListUsage
from assay_analytics.application.replay import Replay
from assay_analytics.entrypoints.consumers import AllEvents
from assay_analytics.entrypoints.grpc import AnalyticsServicer
from assay_analytics.settings import ReplaySettings, Settings
from assay_common.clock import utc_now
from assay_common.errors import AssayError
from assay_common.kafka.consumer import consume
from assay_common.lifecycle import Lifecycle
from assay_common.logs import configure_logging
from assay_common.postgres.housekeeping import handled_events, keep_house
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc import client, server
from assay_common.rpc.jwks import TokenVerifier, jwks_from_auth
from assay_common.settings import load
from assay_protos import topics

log = structlog.get_logger()

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
        house = settings.housekeeping
        lifecycle.spawn("housekeeping", keep_house(database, SCHEMA, [handled_events(house)], house, lifecycle))
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


BEGINNING = "beginning"


def replay(start: str) -> int:
    """Count anew from an hour on (`2026-11-01T00:00:00Z`), or from the beginning; the exit code."""
    settings = load(ReplaySettings)
    configure_logging("analytics-replay", settings.log)
    try:
        asyncio.run(_replayed(settings, None if start == BEGINNING else _moment(start)))
    except (AssayError, ValueError, TimeoutError) as error:
        log.error("nothing was changed", error=getattr(error, "message", str(error)))  # noqa: TRY400 - nothing broke
        return 1
    log.info("start the service: it counts the events again, each once", since=start)
    return 0


async def _replayed(settings: ReplaySettings, start: datetime | None) -> None:
    async with (
        pool(settings.database, SCHEMA) as database,
        kafka_stream(settings.kafka, SCHEMA, EVENT_STREAMS, utc_now) as stream,
    ):
        await Replay(PostgresHold(UnitOfWork(database, SCHEMA, lambda tx: tx)), stream)(start)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is neither {BEGINNING!r} nor a time such as 2026-11-01T00:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write {text}Z for UTC")
    return moment.astimezone(UTC)
