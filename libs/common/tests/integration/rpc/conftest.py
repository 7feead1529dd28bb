"""A real server of real contracts in this process, reached over 127.0.0.1."""

from contextlib import asynccontextmanager

import grpc.aio
import pytest

from assay.audit.v1 import audits_pb2, audits_pb2_grpc, repositories_pb2, repositories_pb2_grpc
from assay.auth.v1 import sessions_pb2, sessions_pb2_grpc
from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.lifecycle import Lifecycle, running
from assay_common.rpc.client import channel
from assay_common.rpc.jwks import TokenVerifier
from assay_common.rpc.server import serve
from assay_common.settings import GrpcSettings

ANYWHERE = GrpcSettings(listen="127.0.0.1:0")


class Prompts(prompts_pb2_grpc.PromptServiceServicer):
    """Each test says what the RPCs it calls do."""

    async def GetPrompt(self, request, context):
        return await self.get(request, context)

    async def CreatePrompt(self, request, context):
        return await self.create(request, context)

    async def ListPrompts(self, request, context):
        return await self.list(request, context)


class Audits(audits_pb2_grpc.AuditServiceServicer):
    async def ExportSarif(self, request, context):
        async for chunk in self.export(request, context):
            yield chunk


class Repositories(repositories_pb2_grpc.RepositoryServiceServicer):
    async def UploadBundle(self, request_iterator, context):
        return await self.upload(request_iterator, context)


class Sessions(sessions_pb2_grpc.SessionServiceServicer):
    def __init__(self, issuer):
        self.issuer = issuer

    async def GetJwks(self, request, context):
        return sessions_pb2.Jwks(jwks=await self.issuer.fetch())

    async def WhoAmI(self, request, context):
        return await self.who(request, context)


class Server:
    """A running server: its servicers, its lifecycle and its address."""

    def __init__(self, issuer, settings=ANYWHERE):
        self.issuer = issuer
        self.settings = settings
        self.prompts = Prompts()
        self.audits = Audits()
        self.repositories = Repositories()
        self.sessions = Sessions(issuer)
        self.lifecycle = Lifecycle(grace_seconds=5)
        self.verifier = TokenVerifier(issuer.fetch)

    @asynccontextmanager
    async def running(self):
        async with running(self.lifecycle, self._start):
            yield self

    @asynccontextmanager
    async def _start(self, lifecycle):
        async with serve(
            lifecycle,
            self.settings,
            [
                (prompts_pb2_grpc.add_PromptServiceServicer_to_server, self.prompts),
                (audits_pb2_grpc.add_AuditServiceServicer_to_server, self.audits),
                (repositories_pb2_grpc.add_RepositoryServiceServicer_to_server, self.repositories),
                (sessions_pb2_grpc.add_SessionServiceServicer_to_server, self.sessions),
            ],
            [
                prompts_pb2.DESCRIPTOR.services_by_name["PromptService"],
                audits_pb2.DESCRIPTOR.services_by_name["AuditService"],
                repositories_pb2.DESCRIPTOR.services_by_name["RepositoryService"],
                sessions_pb2.DESCRIPTOR.services_by_name["SessionService"],
            ],
            self.verifier,
        ) as port:
            self.address = f"127.0.0.1:{port}"
            yield


@pytest.fixture
async def server(issuer):
    async with Server(issuer).running() as server:
        yield server


@pytest.fixture
def another_server(issuer):
    """Makes further servers, not yet running."""
    return lambda settings=ANYWHERE: Server(issuer, settings)


@pytest.fixture
async def bare(server):
    """A plain grpc channel: what somebody without this library sends."""
    async with grpc.aio.insecure_channel(server.address) as opened:
        yield opened


@pytest.fixture
async def ours(server):
    """A channel as the services open it."""
    async with channel(server.address, ANYWHERE) as opened:
        yield opened
