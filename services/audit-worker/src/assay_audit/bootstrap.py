"""Wires the adapters to the use cases: the only place that knows both."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from assay.audit.v1 import audits_pb2, audits_pb2_grpc, repositories_pb2, repositories_pb2_grpc
from assay_audit.adapters.bundle_store import ObjectBundleStore
from assay_audit.adapters.engines.runner import Answers, EngineProcesses, EngineRunner
from assay_audit.adapters.git.bundles import GitVerifier
from assay_audit.adapters.git.cloner import HttpsCloner
from assay_audit.adapters.git.command import Git
from assay_audit.adapters.git.mirrors import MirrorCache
from assay_audit.adapters.jobs.certificate import Certificate
from assay_audit.adapters.jobs.engine_jobs import EngineJobs, Patience
from assay_audit.adapters.jobs.exchange import Exchange, Orders
from assay_audit.adapters.jobs.manifest import Owner
from assay_audit.adapters.old_bundles import old_bundles
from assay_audit.adapters.postgres.transaction import PostgresTransaction
from assay_audit.adapters.processes import Limits
from assay_audit.adapters.resolver import SystemResolver
from assay_audit.adapters.scratch import ScratchFolders
from assay_audit.application.abandon import AbandonAudit, AbandonPreparation
from assay_audit.application.analyst import Analyst
from assay_audit.application.approve_url import ApproveUrl
from assay_audit.application.create_repository import CreateRepository
from assay_audit.application.prepare_audit import BringIn, FileLimits, PrepareAudit
from assay_audit.application.read_audits import BatchGetLatestAudits, ExportFindings, GetAudit, ListAudits, ListFindings
from assay_audit.application.read_repositories import BatchGetRepositories, GetRepository, ListRepositories
from assay_audit.application.run_audit import RunAudit
from assay_audit.application.start_audit import StartAudit
from assay_audit.application.update_repository import UpdateRepository
from assay_audit.application.upload_bundle import UploadBundle
from assay_audit.domain.clone_url import ClonePolicy
from assay_audit.entrypoints.consumers import AuditTasks
from assay_audit.entrypoints.grpc.audits import AuditServicer
from assay_audit.entrypoints.grpc.repositories import RepositoryServicer
from assay_audit.settings import Settings
from assay_common.clock import utc_now
from assay_common.kafka.consumer import consume
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.deaths import CountedTasks
from assay_common.postgres.housekeeping import (
    Expendable,
    forgotten_attempts,
    handled_events,
    keep_house,
    published_events,
)
from assay_common.postgres.outbox import relay
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc import client, server
from assay_common.rpc.jwks import TokenVerifier, jwks_from_auth
from assay_protos import topics

if TYPE_CHECKING:
    from assay_audit.adapters.jobs.cluster import KubernetesJobs

SCHEMA: Final = "audit"
GROUP: Final = "audit-worker"
"""The consumer group of the workers."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"
SERVICES: Final = [
    *repositories_pb2.DESCRIPTOR.services_by_name.values(),
    *audits_pb2.DESCRIPTOR.services_by_name.values(),
]
CONCURRENCY: Final = 8
"""Tasks that a worker has in hand; its engine processes are limited by a setting."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What both roles are made of."""

    settings: Settings
    connections: asyncpg.Pool
    uow: UnitOfWork[PostgresTransaction]
    scratch: ScratchFolders
    store: ObjectBundleStore
    git: Git
    approve: ApproveUrl


@asynccontextmanager
async def serve(settings: Settings, lifecycle: Lifecycle) -> AsyncIterator[int]:
    """Answer RPCs for the length of the block; yields the gRPC port."""
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(_parts(settings, lifecycle))
        auth = await stack.enter_async_context(client.channel(settings.targets.require("auth"), settings.grpc))
        yield await stack.enter_async_context(
            server.serve(
                lifecycle,
                settings.grpc,
                [
                    (repositories_pb2_grpc.add_RepositoryServiceServicer_to_server, repository_servicer(parts)),
                    (audits_pb2_grpc.add_AuditServiceServicer_to_server, audit_servicer(parts)),
                ],
                SERVICES,
                TokenVerifier(jwks_from_auth(auth)),
            )
        )


@asynccontextmanager
async def work(settings: Settings, lifecycle: Lifecycle) -> AsyncIterator[None]:
    """Do tasks for the length of the block."""
    async with _parts(settings, lifecycle) as parts, _answers(settings) as answers:
        tasks = CountedTasks(parts.connections, audit_tasks(parts, answers))
        lifecycle.spawn(
            "audit tasks",
            consume(
                lifecycle,
                settings.kafka,
                group=GROUP,
                topics=[topics.AUDIT_TASKS],
                handler=tasks,
                abandon=tasks.abandon,
                concurrency=CONCURRENCY,
            ),
        )
        yield


@asynccontextmanager
async def _parts(settings: Settings, lifecycle: Lifecycle) -> AsyncIterator[Parts]:
    """Both roles write events and tasks, so both relay them and clean up: one of all leads."""
    async with AsyncExitStack() as stack:
        database: asyncpg.Pool = await stack.enter_async_context(pool(settings.database, SCHEMA, lifecycle))
        events = await stack.enter_async_context(producer(settings.kafka))
        scratch = ScratchFolders(settings.data_dir, settings.limits.bundle_bytes)
        stack.callback(scratch.close)
        house = settings.housekeeping
        analyses = Expendable("analyses", "created_at < $1", timedelta(days=house.analyses_days))
        parts = parts_of(settings, database, scratch)
        bundles = old_bundles(parts.store, house.bundles_days)
        old = [handled_events(house), forgotten_attempts(house), published_events(house), analyses, bundles]
        lifecycle.spawn("housekeeping", keep_house(database, SCHEMA, old, house, lifecycle))
        lifecycle.spawn("outbox", relay(database, SCHEMA, events, lifecycle))
        yield parts


def parts_of(settings: Settings, database: asyncpg.Pool, scratch: ScratchFolders) -> Parts:
    """The parts over an open pool."""
    limits = settings.limits
    return Parts(
        settings=settings,
        connections=database,
        uow=UnitOfWork(database, SCHEMA, PostgresTransaction),
        scratch=scratch,
        store=ObjectBundleStore(settings.object_store.url),
        # A pack that is unpacked completely may be somewhat larger than the bundle it came in.
        git=Git(Limits(limits.git_seconds, limits.process_bytes, 2 * limits.bundle_bytes)),
        approve=ApproveUrl(
            SystemResolver(), ClonePolicy(settings.clone.allowed_hosts, settings.clone.allowed_networks)
        ),
    )


def repository_servicer(parts: Parts) -> RepositoryServicer:
    """The RPCs about repositories."""
    return RepositoryServicer(
        create_repository=CreateRepository(parts.uow, parts.approve, utc_now),
        get_repository=GetRepository(parts.uow),
        list_repositories=ListRepositories(parts.uow),
        batch_get_repositories=BatchGetRepositories(parts.uow),
        update_repository=UpdateRepository(parts.uow, parts.approve, utc_now),
        upload_bundle=UploadBundle(parts.uow, parts.scratch, GitVerifier(parts.git), parts.store, utc_now),
    )


def audit_servicer(parts: Parts) -> AuditServicer:
    """The RPCs about audits."""
    return AuditServicer(
        start_audit=StartAudit(parts.uow, utc_now),
        get_audit=GetAudit(parts.uow),
        list_audits=ListAudits(parts.uow),
        batch_get_latest_audits=BatchGetLatestAudits(parts.uow),
        list_findings=ListFindings(parts.uow),
        export_findings=ExportFindings(parts.uow),
    )


@asynccontextmanager
async def _answers(settings: Settings) -> AsyncIterator[Answers]:
    """Where engines run: in Jobs if the settings have a template of one, else in this worker."""
    jobs, limits = settings.jobs, settings.limits
    if jobs.template is None:
        yield engine_processes(settings)
        return
    orders = Orders(
        lanes=jobs.processes,
        seconds=limits.engine_seconds,
        memory_bytes=limits.process_bytes,
        file_bytes=limits.bundle_bytes,
        patience_seconds=jobs.silence_seconds,
    )
    exchange = Exchange(orders, jobs.address, Certificate.for_address(jobs.address))
    patience = Patience(jobs.start_seconds, jobs.idle_seconds, jobs.silence_seconds)
    # In a thread, so that probes are answered meanwhile.
    with closing(await asyncio.to_thread(_kubernetes, jobs.template["metadata"]["namespace"])) as cluster:
        answers = EngineJobs(cluster, exchange, jobs.template, Owner(jobs.pod_name, jobs.pod_uid), patience)
        async with exchange.listening(jobs.listen), answers.running():
            yield answers


def _kubernetes(namespace: str) -> "KubernetesJobs":
    """Imported here: the Kubernetes client takes 90 MB and a second, which other workers do without."""
    from assay_audit.adapters.jobs.cluster import KubernetesJobs  # noqa: PLC0415

    return KubernetesJobs(namespace)


def engine_processes(settings: Settings) -> EngineProcesses:
    """Engines in processes of this worker."""
    limits = settings.limits
    return EngineProcesses(
        Limits(limits.engine_seconds, limits.process_bytes, limits.bundle_bytes),
        settings.engine_processes or os.cpu_count() or 1,
    )


def audit_tasks(parts: Parts, answers: Answers | None = None) -> AuditTasks:
    """What a worker does; engines answer here unless another place is given."""
    settings, limits = parts.settings, parts.settings.limits
    file_limits = FileLimits(limits.file_bytes, limits.files)
    local = engine_processes(settings)
    most = settings.jobs.processes if answers else local.processes
    analyst = Analyst(parts.uow, EngineRunner(parts.scratch, answers or local, most))
    mirrors = MirrorCache(
        settings.data_dir,
        parts.git,
        parts.store,
        parts.scratch,
        max_bytes=settings.mirrors.cache_bytes,
        max_commits=limits.commits,
    )
    cloner = HttpsCloner(
        parts.git,
        seconds=settings.clone.seconds,
        max_bytes=limits.bundle_bytes,
        ca_file=settings.clone.ca_file,
    )
    bring_in = BringIn(parts.scratch, parts.approve, cloner, parts.store, utc_now)
    return AuditTasks(
        prepare_audit=PrepareAudit(parts.uow, bring_in, mirrors, analyst, file_limits, utc_now),
        run_audit=RunAudit(parts.uow, mirrors, analyst, file_limits, limits.findings, utc_now),
        abandon_preparation=AbandonPreparation(parts.uow, utc_now),
        abandon_audit=AbandonAudit(parts.uow, utc_now),
    )
