"""The whole gateway in this process, before real gRPC servers that answer as a test says, Valkey and Kafka."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc.aio
import httpx
import pytest
from google.protobuf.message_factory import GetMessageClass

from assay.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from assay.audit.v1 import audits_pb2, audits_pb2_grpc, repositories_pb2, repositories_pb2_grpc
from assay.auth.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    api_keys_pb2,
    api_keys_pb2_grpc,
    audit_trail_pb2,
    audit_trail_pb2_grpc,
    invitations_pb2,
    invitations_pb2_grpc,
    organisations_pb2,
    organisations_pb2_grpc,
    service_accounts_pb2,
    service_accounts_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    single_sign_on_pb2,
    single_sign_on_pb2_grpc,
    teams_pb2,
    teams_pb2_grpc,
)
from assay.evaluation.v1 import (
    comparisons_pb2,
    comparisons_pb2_grpc,
    datasets_pb2,
    datasets_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)
from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.clock import utc_now
from assay_common.errors import Unauthenticated
from assay_common.identity import current_principal
from assay_common.ids import new_id
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.kafka.topics import ensure_topics
from assay_common.lifecycle import Lifecycle, running
from assay_common.logs import request_id
from assay_common.rpc.jwks import TokenVerifier
from assay_common.rpc.server import serve
from assay_common.settings import GrpcSettings, KafkaSettings, Targets
from assay_common.tracing import current_trace_id
from assay_gateway.bootstrap import starting
from assay_gateway.entrypoints.http.app import documentation
from assay_gateway.settings import Settings
from assay_protos import topics

SERVICES = (
    (sessions_pb2, sessions_pb2_grpc, "SessionService"),
    (organisations_pb2, organisations_pb2_grpc, "OrganisationService"),
    (accounts_pb2, accounts_pb2_grpc, "AccountService"),
    (accounts_pb2, accounts_pb2_grpc, "SecondFactorService"),
    (single_sign_on_pb2, single_sign_on_pb2_grpc, "SingleSignOnService"),
    (single_sign_on_pb2, single_sign_on_pb2_grpc, "DeviceService"),
    (invitations_pb2, invitations_pb2_grpc, "InvitationService"),
    (teams_pb2, teams_pb2_grpc, "TeamService"),
    (api_keys_pb2, api_keys_pb2_grpc, "ApiKeyService"),
    (service_accounts_pb2, service_accounts_pb2_grpc, "ServiceAccountService"),
    (audit_trail_pb2, audit_trail_pb2_grpc, "AuditTrailService"),
    (prompts_pb2, prompts_pb2_grpc, "PromptService"),
    (datasets_pb2, datasets_pb2_grpc, "DatasetService"),
    (runs_pb2, runs_pb2_grpc, "RunService"),
    (comparisons_pb2, comparisons_pb2_grpc, "ComparisonService"),
    (repositories_pb2, repositories_pb2_grpc, "RepositoryService"),
    (audits_pb2, audits_pb2_grpc, "AuditService"),
    (analytics_pb2, analytics_pb2_grpc, "AnalyticsService"),
)


class KeyUnknown(Unauthenticated):
    pass


@dataclass
class Call:
    rpc: str
    request: Any
    principal: Any
    request_id: str | None
    trace_id: str | None


@dataclass
class Backend:
    """All five services behind one real gRPC server: permissions, statuses and details are the real ones.

    An RPC answers a message with a value in every field unless `answers` has a message, an exception or an async
    function of the request for it. What was asked is kept in `calls`.
    """

    issuer: Any
    fill: Any
    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def asked(self, rpc):
        return [call.request for call in self.calls if call.rpc == rpc]

    def issue_key(self, *permissions, org, sub=None, lifetime=600):
        """An API key that auth knows; returns the key and its id."""
        key_id = sub or uuid4()
        key = f"assay_{uuid4().hex}"
        self.keys[key] = self.issuer.token(*permissions, org=org, sub=key_id, kind="api_key", lifetime=lifetime)
        return key, key_id

    async def answer(self, method, request):
        self.calls.append(Call(method.name, request, current_principal(), request_id.get(), current_trace_id()))
        answer = self.answers.get(method.name)
        if callable(answer):
            return await answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is not None else self._default(method, request)

    def _default(self, method, request):
        if method.name == "GetJwks":
            return sessions_pb2.Jwks(jwks=self.issuer.jwks())
        if method.name == "ExchangeApiKey":
            return self._exchanged(request.api_key)
        if method.name == "ImportItems" or method.output_type.full_name != "google.protobuf.Empty":
            return self.fill(method.output_type)
        return GetMessageClass(method.output_type)()

    def _exchanged(self, key):
        if key not in self.keys:
            raise KeyUnknown("no such key")
        answer = sessions_pb2.AccessToken(access_token=self.keys[key])
        answer.expires_at.FromDatetime(utc_now() + timedelta(minutes=10))
        return answer

    @asynccontextmanager
    async def running(self, listen="127.0.0.1:0"):
        lifecycle = Lifecycle(grace_seconds=5)

        async def fetch():
            return self.issuer.jwks()

        @asynccontextmanager
        async def start(lifecycle):
            servicers, descriptors = [], []
            for messages, stubs, name in SERVICES:
                descriptor = messages.DESCRIPTOR.services_by_name[name]
                servicer = type(name, (), {m.name: _handler(self, m) for m in descriptor.methods})()
                servicers.append((getattr(stubs, f"add_{name}Servicer_to_server"), servicer))
                descriptors.append(descriptor)
            async with serve(
                lifecycle, GrpcSettings(listen=listen), servicers, descriptors, TokenVerifier(fetch)
            ) as port:
                self.port = port
                yield

        async with running(lifecycle, start):
            yield self


def _handler(backend, method):
    if method.client_streaming:

        async def handle(self, request_iterator, context):
            answer = backend.answers.get(method.name)
            if isinstance(answer, Exception):
                raise answer
            return await backend.answer(method, [request async for request in request_iterator])

    elif method.server_streaming:

        async def handle(self, request, context):
            answer = await backend.answer(method, request)
            for part in answer if isinstance(answer, list) else [answer]:
                yield part

    else:

        async def handle(self, request, context):
            return await backend.answer(method, request)

    return handle


async def _ticks():
    while True:
        yield
        await asyncio.sleep(0.02)


@dataclass
class Running:
    """A gateway and a client of it without a token."""

    port: int
    http: httpx.AsyncClient
    lifecycle: Lifecycle

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    async def ready(self):
        """Wait until events reach it."""
        async with asyncio.timeout(30):
            async for _ in _ticks():
                if (await self.http.get("/readyz")).status_code == 200:
                    return


@pytest.fixture
async def backend(issuer, fill):
    async with Backend(issuer, fill).running() as backend:
        yield backend


@pytest.fixture
def make_backend(issuer, fill):
    return lambda: Backend(issuer, fill)


@pytest.fixture(scope="session")
def kafka_settings(kafka):
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    asyncio.run(ensure_topics(settings, topics.ALL))
    return settings


@pytest.fixture
def address():
    """A network address that no other test comes from."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


@pytest.fixture
async def make_gateway(kafka_settings, valkey):
    """`await make_gateway(backend, valkey={...}, limits={...})` starts one; all end with the test."""
    async with AsyncExitStack() as stack:

        async def make(backend, **changes):
            target = f"127.0.0.1:{backend.port}"
            settings = Settings(
                **{
                    # A busy machine is not a Valkey that is away.
                    "valkey": {"url": valkey.url, "timeout_seconds": 10},
                    "kafka": kafka_settings,
                    "targets": Targets(auth=target, prompt=target, evaluation=target, audit=target, analytics=target),
                    "grace_seconds": 5,
                    **changes,
                    # All tests share a Kafka, and none needs what others did long ago.
                    "live": {"replay_seconds": 120} | changes.get("live", {}),
                    "http": {"listen": "127.0.0.1:0", "linger_seconds": 0, **changes.get("http", {})},
                }
            )
            lifecycle = Lifecycle(settings.grace_seconds)
            ports = []
            await stack.enter_async_context(running(lifecycle, starting(settings, ports.append)))
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", timeout=20)
            )
            return Running(ports[0], http, lifecycle)

        yield make


@pytest.fixture
async def gateway(make_gateway, backend):
    return await make_gateway(backend)


@pytest.fixture
async def client(gateway, token):
    """A client with every permission in the test's own organisation."""
    gateway.http.headers["authorization"] = f"Bearer {token}"
    return gateway.http


@pytest.fixture
async def publish(kafka_settings):
    """`await publish(topic, message, org=…, key=…)` puts an event on Kafka as the relay does; returns it."""
    async with producer(kafka_settings) as opened:

        async def send(topic, message, *, org, key="key", time=None, private_to=None):
            event = CloudEvent(
                id=new_id(),
                type=message.DESCRIPTOR.full_name,
                source=topic.owner,
                time=time or datetime.now(UTC),
                subject=key,
                org_id=org,
                private_to=private_to,
            )
            await (await opened.publish(topic.name, key=key, event=event, payload=message.SerializeToString()))
            return event

        send.raw = opened
        yield send


@pytest.fixture
def eventually():
    """Ask again until it holds."""

    async def wait(condition, seconds=30):
        async with asyncio.timeout(seconds):
            async for _ in _ticks():
                result = condition()
                if asyncio.iscoroutine(result):
                    result = await result
                if result:
                    break

    return wait


@pytest.fixture
async def grpc_gone():
    """A port on which nobody listens."""
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.stop(0)
    return port


@pytest.fixture(scope="session")
def document():
    """The OpenAPI document."""
    return documentation()
