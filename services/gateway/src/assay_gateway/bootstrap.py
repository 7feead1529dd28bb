"""The only place that wires adapters to use cases: the gateway as one async context manager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import grpc.aio
from redis.asyncio import Redis

from assay.analytics.v1.analytics_pb2_grpc import AnalyticsServiceStub
from assay.audit.v1.audits_pb2_grpc import AuditServiceStub
from assay.audit.v1.repositories_pb2_grpc import RepositoryServiceStub
from assay.auth.v1.accounts_pb2_grpc import AccountServiceStub, SecondFactorServiceStub
from assay.auth.v1.api_keys_pb2_grpc import ApiKeyServiceStub
from assay.auth.v1.audit_trail_pb2_grpc import AuditTrailServiceStub
from assay.auth.v1.invitations_pb2_grpc import InvitationServiceStub
from assay.auth.v1.organisations_pb2_grpc import OrganisationServiceStub
from assay.auth.v1.service_accounts_pb2_grpc import ServiceAccountServiceStub
from assay.auth.v1.sessions_pb2_grpc import SessionServiceStub
from assay.auth.v1.single_sign_on_pb2_grpc import DeviceServiceStub, SingleSignOnServiceStub
from assay.auth.v1.teams_pb2_grpc import TeamServiceStub
from assay.evaluation.v1.comparisons_pb2_grpc import ComparisonServiceStub
from assay.evaluation.v1.datasets_pb2_grpc import DatasetServiceStub
from assay.evaluation.v1.runs_pb2_grpc import RunServiceStub
from assay.prompt.v1.prompts_pb2_grpc import PromptServiceStub
from assay_common.lifecycle import Lifecycle
from assay_common.rpc.client import channel
from assay_common.rpc.jwks import TokenVerifier
from assay_gateway.adapters.answers import PATIENCE_SECONDS, ValkeyAnswers
from assay_gateway.adapters.auth import AuthKeyExchange, PublishedKeys
from assay_gateway.adapters.event_stream import EventStream, Replay
from assay_gateway.adapters.prompts import PromptService
from assay_gateway.adapters.stored_queries import ValkeyQueries
from assay_gateway.adapters.valkey import ValkeyBuckets, valkey
from assay_gateway.application.authenticate import Authenticate
from assay_gateway.application.limit_rate import LimitRate
from assay_gateway.application.live_feed import LiveFeed
from assay_gateway.application.persisted_queries import PersistedQueries
from assay_gateway.application.resolve_prompt import ResolvePrompt
from assay_gateway.application.revocations import TOKEN_LIFETIME, Revocations
from assay_gateway.application.run_once import RunOnce
from assay_gateway.domain.feed import TOPICS
from assay_gateway.domain.limits import Limits
from assay_gateway.domain.rate import Rate
from assay_gateway.entrypoints.consumers import EventListener
from assay_gateway.entrypoints.http.app import application
from assay_gateway.entrypoints.http.gateway import Gateway, Services
from assay_gateway.entrypoints.http.server import serve_http
from assay_gateway.settings import LiveSettings, Settings
from assay_protos.topic import Topic
from assay_protos.topics import AUTH_EVENTS


def starting(
    settings: Settings, bound: Callable[[int], None] = lambda _port: None
) -> Callable[[Lifecycle], AbstractAsyncContextManager[None]]:
    """The gateway with these settings, to be run by a lifecycle; `bound` is told the port."""

    @asynccontextmanager
    async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            services = await _services(stack, settings)
            keys = PublishedKeys(services.sessions)
            url = settings.valkey.url.get_secret_value()
            client = await stack.enter_async_context(valkey(url, settings.valkey.timeout_seconds))
            patient = await stack.enter_async_context(valkey(url, PATIENCE_SECONDS))
            gateway = _gateway(settings, lifecycle, services, keys, client, patient)
            listener = EventListener(gateway.authenticate, gateway.resolve_prompt, gateway.feed)
            stream = EventStream(settings.kafka, _replay(settings.live), listener)
            app = application(gateway, lifecycle)
            lifecycle.add_check("signing keys", keys.check)
            lifecycle.add_check("event stream", stream.check)
            lifecycle.spawn(
                "valkey watch", gateway.limit_rate.watch(settings.valkey.probe_seconds), cancel_on_stop=True
            )
            lifecycle.spawn("event stream", stream.run(lifecycle))
            lifecycle.spawn("live feed", _until_stopping(gateway))
            bound(await stack.enter_async_context(serve_http(lifecycle, settings.http, app)))
            yield

    return start


def _replay(live: LiveSettings) -> dict[Topic, Replay]:
    """Auth's events are read back for as long as a token can live that they revoke, however many they are."""
    return {
        topic: Replay(max(live.replay_seconds, TOKEN_LIFETIME))
        if topic == AUTH_EVENTS
        else Replay(live.replay_seconds, live.replay_events)
        for topic in TOPICS
    }


async def _until_stopping(gateway: Gateway) -> None:
    """Send the listeners off when this replica goes away."""
    await gateway.stopping.wait()
    gateway.feed.close()


async def _services(stack: AsyncExitStack, settings: Settings) -> Services:
    async def connected(target: str) -> grpc.aio.Channel:
        return await stack.enter_async_context(channel(target, settings.grpc))

    auth = await connected(settings.targets.require("auth"))
    prompt = await connected(settings.targets.require("prompt"))
    evaluation = await connected(settings.targets.require("evaluation"))
    audit = await connected(settings.targets.require("audit"))
    analytics = await connected(settings.targets.require("analytics"))
    return Services(
        accounts=AccountServiceStub(auth),
        second_factor=SecondFactorServiceStub(auth),
        sessions=SessionServiceStub(auth),
        single_sign_on=SingleSignOnServiceStub(auth),
        devices=DeviceServiceStub(auth),
        organisations=OrganisationServiceStub(auth),
        invitations=InvitationServiceStub(auth),
        teams=TeamServiceStub(auth),
        api_keys=ApiKeyServiceStub(auth),
        service_accounts=ServiceAccountServiceStub(auth),
        audit_trail=AuditTrailServiceStub(auth),
        prompts=PromptServiceStub(prompt),
        datasets=DatasetServiceStub(evaluation),
        runs=RunServiceStub(evaluation),
        comparisons=ComparisonServiceStub(evaluation),
        repositories=RepositoryServiceStub(audit),
        audits=AuditServiceStub(audit),
        analytics=AnalyticsServiceStub(analytics),
    )


def _gateway(
    settings: Settings, lifecycle: Lifecycle, services: Services, keys: PublishedKeys, client: Redis, patient: Redis
) -> Gateway:
    cache = settings.prompt_cache
    limits = settings.limits
    return Gateway(
        services=services,
        authenticate=Authenticate(TokenVerifier(keys.fetch), AuthKeyExchange(services.sessions), Revocations()),
        limit_rate=LimitRate(ValkeyBuckets(client)),
        run_once=RunOnce(ValkeyAnswers(patient)),
        resolve_prompt=ResolvePrompt(PromptService(services.prompts), ttl=cache.ttl_seconds, max_bytes=cache.max_bytes),
        persisted_queries=PersistedQueries(ValkeyQueries(client)),
        feed=LiveFeed(seconds=settings.live.replay_seconds, max_bytes=settings.live.replay_bytes),
        keys=keys,
        limits=Limits(
            caller=Rate(limits.per_second, limits.burst),
            owner=Rate(limits.owner_per_second, limits.owner_burst),
            organisation=Rate(limits.organisation_per_second, limits.organisation_burst),
            address=Rate(limits.address_per_second, limits.address_burst),
            public=Rate(limits.sign_in_per_second, limits.sign_in_burst),
            refused=Rate(limits.refused_per_second, limits.refused_burst),
        ),
        http=settings.http,
        cors=settings.cors,
        live=settings.live,
        public_url=settings.public_url,
        stopping=lifecycle.stopping,
    )
