"""What the routes work with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection

from assay_gateway.application.authenticate import Authenticate
from assay_gateway.application.limit_rate import LimitRate
from assay_gateway.application.live_feed import LiveFeed
from assay_gateway.application.persisted_queries import PersistedQueries
from assay_gateway.application.resolve_prompt import ResolvePrompt
from assay_gateway.application.run_once import RunOnce
from assay_gateway.domain.limits import Limits
from assay_gateway.settings import CorsSettings, HttpSettings, LiveSettings

if TYPE_CHECKING:
    from assay.analytics.v1.analytics_pb2_grpc import AnalyticsServiceAsyncStub
    from assay.audit.v1.audits_pb2_grpc import AuditServiceAsyncStub
    from assay.audit.v1.repositories_pb2_grpc import RepositoryServiceAsyncStub
    from assay.auth.v1.accounts_pb2_grpc import AccountServiceAsyncStub, SecondFactorServiceAsyncStub
    from assay.auth.v1.api_keys_pb2_grpc import ApiKeyServiceAsyncStub
    from assay.auth.v1.audit_trail_pb2_grpc import AuditTrailServiceAsyncStub
    from assay.auth.v1.invitations_pb2_grpc import InvitationServiceAsyncStub
    from assay.auth.v1.organisations_pb2_grpc import OrganisationServiceAsyncStub
    from assay.auth.v1.service_accounts_pb2_grpc import ServiceAccountServiceAsyncStub
    from assay.auth.v1.sessions_pb2_grpc import SessionServiceAsyncStub
    from assay.auth.v1.single_sign_on_pb2_grpc import DeviceServiceAsyncStub, SingleSignOnServiceAsyncStub
    from assay.auth.v1.teams_pb2_grpc import TeamServiceAsyncStub
    from assay.evaluation.v1.comparisons_pb2_grpc import ComparisonServiceAsyncStub
    from assay.evaluation.v1.datasets_pb2_grpc import DatasetServiceAsyncStub
    from assay.evaluation.v1.runs_pb2_grpc import RunServiceAsyncStub
    from assay.prompt.v1.prompts_pb2_grpc import PromptServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Services:
    """The gRPC services behind; a call carries the caller's token, request id, trace and deadline by itself."""

    accounts: AccountServiceAsyncStub
    second_factor: SecondFactorServiceAsyncStub
    sessions: SessionServiceAsyncStub
    single_sign_on: SingleSignOnServiceAsyncStub
    devices: DeviceServiceAsyncStub
    organisations: OrganisationServiceAsyncStub
    invitations: InvitationServiceAsyncStub
    teams: TeamServiceAsyncStub
    api_keys: ApiKeyServiceAsyncStub
    service_accounts: ServiceAccountServiceAsyncStub
    audit_trail: AuditTrailServiceAsyncStub
    prompts: PromptServiceAsyncStub
    datasets: DatasetServiceAsyncStub
    runs: RunServiceAsyncStub
    comparisons: ComparisonServiceAsyncStub
    repositories: RepositoryServiceAsyncStub
    audits: AuditServiceAsyncStub
    analytics: AnalyticsServiceAsyncStub


class PublishedKeys(Protocol):
    """The keys that verify access tokens."""

    async def current(self) -> str:
        """A JSON Web Key Set as JSON text; raises AioRpcError."""
        ...


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that a route may use, wired once by `bootstrap`."""

    services: Services
    authenticate: Authenticate
    limit_rate: LimitRate
    resolve_prompt: ResolvePrompt
    feed: LiveFeed
    persisted_queries: PersistedQueries
    keys: PublishedKeys
    limits: Limits
    run_once: RunOnce
    http: HttpSettings
    cors: CorsSettings
    live: LiveSettings
    public_url: str
    """Base of links, cookies and redirects, without a slash at its end."""
    stopping: asyncio.Event


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway that serves this request or WebSocket."""
    gateway: Gateway = connection.app.state.gateway
    return gateway


async def _gateway(connection: HTTPConnection) -> Gateway:
    return gateway_of(connection)


async def _services(connection: HTTPConnection) -> Services:
    return gateway_of(connection).services


TheGateway = Annotated[Gateway, Depends(_gateway)]
TheServices = Annotated[Services, Depends(_services)]
