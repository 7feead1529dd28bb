"""The service on a real database, behind a real gRPC server, with tokens that its own keys signed."""

import asyncio
import base64
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import argon2
import grpc
import grpc.aio
import pytest

from assay.auth.v1 import (
    accounts_pb2_grpc,
    api_keys_pb2_grpc,
    invitations_pb2_grpc,
    organisations_pb2,
    organisations_pb2_grpc,
    service_accounts_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    teams_pb2_grpc,
)
from assay_auth import bootstrap
from assay_auth.adapters.passwords import Argon2Hasher
from assay_auth.adapters.postgres.transaction import SCHEMA, PostgresTransaction
from assay_auth.adapters.sealing import Sealer
from assay_auth.adapters.signing import Ed25519Signer
from assay_auth.application.tokens.issue_access_token import IssueAccessToken
from assay_auth.bootstrap.single_sign_on import identity_providers
from assay_auth.domain.access import Grant
from assay_auth.domain.members import User
from assay_auth.domain.text import normal_password
from assay_auth.settings import Settings
from assay_common.clock import utc_now
from assay_common.ids import new_id
from assay_common.lifecycle import Lifecycle, running
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc.errors import error_from
from assay_common.rpc.jwks import TokenVerifier
from assay_common.settings import DatabaseSettings, GrpcSettings, KafkaSettings
from assay_protos.events import decode

KEY_ENCRYPTION_KEY = base64.b64encode(bytes(range(32))).decode()
PASSWORD = "correct horse battery staple"
LOGIN = "assay_auth"


@dataclass
class MovingClock:
    """Tells the time with a shift that a test may change."""

    shift: timedelta = timedelta()

    def __call__(self):
        return utc_now() + self.shift


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    id: UUID
    email: str
    password: str = PASSWORD


@dataclass
class Refusal:
    """What an RPC answered instead of a response."""

    error: object = None

    @property
    def details(self):
        return self.error.details

    @property
    def fields(self):
        return [violation.field for violation in self.error.violations]


@contextmanager
def expect_refusal(status, reason):
    """Expect the RPC inside the block to be refused with this status and reason."""
    refusal = Refusal()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        yield refusal
    refusal.error = error_from(raised.value)
    assert (refusal.error.status, refusal.error.reason) == (status, reason), str(refusal.error)


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


@dataclass
class World:
    """The service's stubs, and short ways to what most tests begin with."""

    channel: grpc.aio.Channel
    parts: bootstrap.Parts
    clock: MovingClock
    settings: Settings
    sessions: sessions_pb2_grpc.SessionServiceStub = field(init=False)
    organisations: organisations_pb2_grpc.OrganisationServiceStub = field(init=False)
    api_keys: api_keys_pb2_grpc.ApiKeyServiceStub = field(init=False)
    invitations: invitations_pb2_grpc.InvitationServiceStub = field(init=False)
    teams: teams_pb2_grpc.TeamServiceStub = field(init=False)
    service_accounts: service_accounts_pb2_grpc.ServiceAccountServiceStub = field(init=False)
    accounts: accounts_pb2_grpc.AccountServiceStub = field(init=False)
    second_factors: accounts_pb2_grpc.SecondFactorServiceStub = field(init=False)

    def __post_init__(self):
        self.sessions = sessions_pb2_grpc.SessionServiceStub(self.channel)
        self.organisations = organisations_pb2_grpc.OrganisationServiceStub(self.channel)
        self.api_keys = api_keys_pb2_grpc.ApiKeyServiceStub(self.channel)
        self.invitations = invitations_pb2_grpc.InvitationServiceStub(self.channel)
        self.teams = teams_pb2_grpc.TeamServiceStub(self.channel)
        self.service_accounts = service_accounts_pb2_grpc.ServiceAccountServiceStub(self.channel)
        self.accounts = accounts_pb2_grpc.AccountServiceStub(self.channel)
        self.second_factors = accounts_pb2_grpc.SecondFactorServiceStub(self.channel)

    async def person(self, name="Ada"):
        """A person whom nobody has made a member of anything."""
        someone = Person(new_id(), f"{name.lower()}-{uuid4().hex}@example.org")
        password_hash = await self.parts.hasher.hash(normal_password(PASSWORD))
        async with self.parts.uow.system() as tx:
            assert await tx.users.add(User(someone.id, someone.email, name, utc_now()), password_hash)
        return someone

    async def sign_in(self, person, organisation="", password=None, code="", metadata=()):
        request = sessions_pb2.SignInRequest(
            email=person.email, password=password or person.password, organisation=organisation, one_time_code=code
        )
        return await self.sessions.SignIn(request, metadata=metadata)

    async def signed_in(self, person, organisation=""):
        """The metadata of a person's calls."""
        return bearer((await self.sign_in(person, organisation)).access.access_token)

    async def organisation(self, owner=None):
        """A new organisation: itself, its owner, and the metadata of the owner's calls in it."""
        owner = owner or await self.person()
        slug = f"org-{uuid4().hex[:20]}"
        created = await self.organisations.CreateOrganisation(
            organisations_pb2.CreateOrganisationRequest(slug=slug), metadata=await self.signed_in(owner)
        )
        return Team(self, created, owner, await self.signed_in(owner, created.id))

    async def token(self, *permissions, org_id=None, subject=None, kind="user"):
        """The metadata of a token that the service's key signed, with just these permissions."""
        issue = IssueAccessToken(self.parts.ensure_signing_key, self.parts.signer, utc_now)
        grant = Grant(subject or uuid4(), kind, org_id or uuid4(), frozenset(permissions))
        return bearer((await issue(grant)).token)

    async def principal(self, token):
        """Whom a token speaks for, as every service reads it."""
        return await TokenVerifier(self.parts.get_jwks).verify(token)

    async def mails_to(self, address):
        """What waits to be sent to an address, in order."""
        async with self.parts.uow.system() as tx:
            return await tx.tenant.connection.fetch("SELECT * FROM mails WHERE recipient = $1 ORDER BY id", address)

    async def events(self, org_id):
        """What is in the event store of an organisation, in order."""
        async with self.parts.uow.system() as tx:
            rows = await tx.tenant.connection.fetch(
                "SELECT * FROM events WHERE org_id = $1 ORDER BY position", UUID(str(org_id))
            )
        return [(row, decode(row["type"], row["payload"])) for row in rows]


@dataclass
class Team:
    """An organisation and its owner."""

    world: World
    organisation: organisations_pb2.Organisation
    owner: Person
    as_owner: tuple

    @property
    def id(self):
        return self.organisation.id

    async def join(self, person, role):
        return await self.world.organisations.AddMember(
            organisations_pb2.AddMemberRequest(email=person.email, role=role), metadata=self.as_owner
        )

    async def joined(self, role, name="Grace"):
        """Somebody new in this role, and the metadata of their calls."""
        person = await self.world.person(name)
        await self.join(person, role)
        return person, await self.world.signed_in(person, self.id)


def settings_for(made):
    return Settings(
        database=DatabaseSettings(url=made.logins[LOGIN], migration_url=made.owner_url),
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"),
        grpc=GrpcSettings(listen="127.0.0.1:0"),
        key_encryption_key=KEY_ENCRYPTION_KEY,
        development=True,
    )


@pytest.fixture(scope="session")
def shared_settings(make_database):
    """A migrated database that the tests of this process share; each makes its own people and organisations."""
    with ThreadPoolExecutor(1) as thread:
        settings = settings_for(thread.submit(asyncio.run, make_database("auth", logins=(LOGIN,))).result())
    migrate(settings.database, SCHEMA, bootstrap.MIGRATIONS)
    return settings


@pytest.fixture
async def fresh_settings(make_database):
    """A migrated database of one's own, without any people."""
    settings = settings_for(await make_database("auth", logins=(LOGIN,)))
    await asyncio.to_thread(migrate, settings.database, SCHEMA, bootstrap.MIGRATIONS)
    return settings


@asynccontextmanager
async def opened(settings, clock=utc_now, hasher=None, floor_seconds=0.0) -> AsyncIterator[bootstrap.Parts]:
    """The parts of a replica, with a pool of its own and cheap passwords."""
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    async with pool(settings.database, SCHEMA) as connections, identity_providers(settings.sso) as providers:
        yield bootstrap.Parts(
            UnitOfWork(connections, SCHEMA, partial(PostgresTransaction, mails_leave=settings.mails_leave)),
            Ed25519Signer(*settings.key_encryption_keys),
            Sealer(*settings.key_encryption_keys),
            hasher or Argon2Hasher(cheap),
            clock,
            floor_seconds=floor_seconds,
            sign_up=settings.sign_up,
            providers=providers,
        )


@asynccontextmanager
async def inhabited(settings, hasher=None, floor_seconds=0.0) -> AsyncIterator[World]:
    """The gRPC server on a database, and a client of it."""
    clock = MovingClock()
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(opened(settings, clock, hasher, floor_seconds))
        await bootstrap.prepare(parts, settings.bootstrap_admin)
        ports = []

        @asynccontextmanager
        async def start(lifecycle):
            async with bootstrap.listening(lifecycle, settings, parts) as port:
                ports.append(port)
                yield

        await stack.enter_async_context(running(Lifecycle(grace_seconds=2), start))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{ports[0]}"))
        yield World(channel, parts, clock, settings)


@pytest.fixture
async def world(shared_settings):
    async with inhabited(shared_settings) as inhabited_world:
        yield inhabited_world


@pytest.fixture
def refused():
    return expect_refusal


@pytest.fixture
def inhabit():
    """`async with inhabit(settings) as world:`, for tests that need a database or parameters of their own."""
    return inhabited


@pytest.fixture
def replica():
    """`async with replica(settings) as parts:`, one of several processes on a database."""
    return opened
