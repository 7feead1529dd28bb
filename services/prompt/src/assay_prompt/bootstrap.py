"""Wires the adapters to the use cases: the only place that knows both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.clock import utc_now
from assay_common.kafka.consumer import consume
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.housekeeping import handled_events, keep_house
from assay_common.postgres.outbox import relay
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc import client, server
from assay_common.rpc.jwks import TokenVerifier, jwks_from_auth
from assay_prompt.adapters.postgres import PostgresTransaction
from assay_prompt.application.create_prompt import CreatePrompt
from assay_prompt.application.publish_version import PublishVersion
from assay_prompt.application.read_prompts import (
    BatchGetPrompts,
    BatchGetVersions,
    GetPrompt,
    ListHistory,
    ListPrompts,
    ListVersions,
    RenderVersion,
    ResolveVersion,
)
from assay_prompt.application.set_label import FollowGate, RemoveLabel, SetLabel
from assay_prompt.application.update_prompt import UpdatePrompt
from assay_prompt.entrypoints.consumers import EvaluationEvents
from assay_prompt.entrypoints.grpc import PromptServicer
from assay_prompt.settings import Settings
from assay_protos import topics

SCHEMA = "prompt"
MIGRATIONS = Path(__file__).parent / "migrations"
SERVICES = list(prompts_pb2.DESCRIPTOR.services_by_name.values())


@asynccontextmanager
async def serve(settings: Settings, lifecycle: Lifecycle) -> AsyncIterator[int]:
    """Run the service for the length of the block; yields the gRPC port."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(pool(settings.database, SCHEMA, lifecycle))
        events = await stack.enter_async_context(producer(settings.kafka))
        auth = await stack.enter_async_context(client.channel(settings.targets.require("auth"), settings.grpc))
        uow = UnitOfWork(database, SCHEMA, PostgresTransaction)
        lifecycle.spawn("outbox", relay(database, SCHEMA, events, lifecycle))
        house = settings.housekeeping
        lifecycle.spawn("housekeeping", keep_house(database, SCHEMA, [handled_events(house)], house, lifecycle))
        gates = EvaluationEvents(FollowGate(uow, utc_now))
        lifecycle.spawn(
            "evaluation events",
            consume(lifecycle, settings.kafka, group=SCHEMA, topics=[topics.EVALUATION_EVENTS], handler=gates),
        )
        yield await stack.enter_async_context(
            server.serve(
                lifecycle,
                settings.grpc,
                [(prompts_pb2_grpc.add_PromptServiceServicer_to_server, servicer(uow))],
                SERVICES,
                TokenVerifier(jwks_from_auth(auth)),
            )
        )


def servicer(uow: UnitOfWork[PostgresTransaction]) -> PromptServicer:
    """The RPCs over one unit of work."""
    return PromptServicer(
        create_prompt=CreatePrompt(uow, utc_now),
        get_prompt=GetPrompt(uow),
        list_prompts=ListPrompts(uow),
        batch_get_prompts=BatchGetPrompts(uow),
        batch_get_versions=BatchGetVersions(uow),
        update_prompt=UpdatePrompt(uow, utc_now),
        publish_version=PublishVersion(uow, utc_now),
        list_versions=ListVersions(uow),
        set_label=SetLabel(uow, utc_now),
        remove_label=RemoveLabel(uow, utc_now),
        resolve_version=ResolveVersion(uow),
        render_version=RenderVersion(uow),
        list_history=ListHistory(uow),
    )
