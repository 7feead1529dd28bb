"""The only place that wires adapters to use cases."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from assay.auth.v1 import (
    api_keys_pb2,
    api_keys_pb2_grpc,
    organisations_pb2,
    organisations_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from assay_auth.adapters.passwords import Argon2Hasher
from assay_auth.adapters.postgres.transaction import SCHEMA, PostgresTransaction
from assay_auth.adapters.signing import Ed25519Signer
from assay_auth.application import ports
from assay_auth.application.add_member import AddMember
from assay_auth.application.change_role import ChangeRole
from assay_auth.application.create_api_key import CreateApiKey
from assay_auth.application.create_bootstrap_admin import CreateBootstrapAdmin
from assay_auth.application.create_organisation import CreateOrganisation
from assay_auth.application.exchange_api_key import ExchangeApiKey
from assay_auth.application.get_jwks import GetJwks
from assay_auth.application.get_organisation import GetOrganisation
from assay_auth.application.issue_access_token import IssueAccessToken
from assay_auth.application.list_api_keys import ListApiKeys
from assay_auth.application.list_members import ListMembers
from assay_auth.application.list_organisations import ListOrganisations
from assay_auth.application.remove_member import RemoveMember
from assay_auth.application.renew_session import RenewSession
from assay_auth.application.revoke_api_key import RevokeApiKey
from assay_auth.application.session import OpenSession
from assay_auth.application.sign_in import SignIn
from assay_auth.application.sign_out import SignOut
from assay_auth.application.signing_key import EnsureSigningKey
from assay_auth.application.standing import FindStanding
from assay_auth.application.who_am_i import WhoAmI
from assay_auth.domain.roles import PermissionModel
from assay_auth.entrypoints.grpc.api_keys import ApiKeyServicer
from assay_auth.entrypoints.grpc.organisations import OrganisationServicer
from assay_auth.entrypoints.grpc.sessions import SessionServicer
from assay_auth.settings import BootstrapAdmin, Settings
from assay_common.clock import Clock, utc_now
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.outbox import relay
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc.jwks import TokenVerifier
from assay_common.rpc.server import Servicer
from assay_common.rpc.server import serve as serve_grpc
from assay_protos.permissions import all_permissions

log = structlog.get_logger()

MIGRATIONS: Final = Path(__file__).parent / "migrations"
SERVICES: Final = (
    *sessions_pb2.DESCRIPTOR.services_by_name.values(),
    *organisations_pb2.DESCRIPTOR.services_by_name.values(),
    *api_keys_pb2.DESCRIPTOR.services_by_name.values(),
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the use cases are made of; tests put in a clock of their own, or cheaper hashes."""

    uow: ports.UnitOfWork
    signer: Ed25519Signer
    hasher: Argon2Hasher = field(default_factory=Argon2Hasher)
    clock: Clock = utc_now
    model: PermissionModel = field(default_factory=lambda: PermissionModel(all_permissions()))

    def ensure_signing_key(self) -> EnsureSigningKey:
        """Make the first key, or the next."""
        return EnsureSigningKey(self.uow, self.signer, self.clock)

    def get_jwks(self) -> GetJwks:
        """Publish keys."""
        return GetJwks(self.uow, self.clock)

    def servicers(self) -> Sequence[Servicer]:
        """The gRPC services."""
        issue = IssueAccessToken(self.ensure_signing_key(), self.signer, self.clock)
        return [
            (sessions_pb2_grpc.add_SessionServiceServicer_to_server, self._sessions(issue)),
            (organisations_pb2_grpc.add_OrganisationServiceServicer_to_server, self._organisations()),
            (api_keys_pb2_grpc.add_ApiKeyServiceServicer_to_server, self._api_keys()),
        ]

    def _sessions(self, issue: IssueAccessToken) -> SessionServicer:
        open_session = OpenSession(self.model, issue)
        return SessionServicer(
            sign_in=SignIn(self.uow, self.hasher, open_session, self.clock),
            renew_session=RenewSession(self.uow, open_session, self.clock),
            sign_out=SignOut(self.uow, self.clock),
            exchange_api_key=ExchangeApiKey(self.uow, self.model, issue, self.clock),
            get_jwks=self.get_jwks(),
            who_am_i=WhoAmI(self.uow, self.clock),
        )

    def _organisations(self) -> OrganisationServicer:
        find_standing = FindStanding(self.model, self.clock)
        return OrganisationServicer(
            create_organisation=CreateOrganisation(self.uow, self.clock),
            list_organisations=ListOrganisations(self.uow),
            get_organisation=GetOrganisation(self.uow),
            add_member=AddMember(self.uow, self.hasher, find_standing, self.clock),
            list_members=ListMembers(self.uow),
            change_role=ChangeRole(self.uow, find_standing),
            remove_member=RemoveMember(self.uow, find_standing),
        )

    def _api_keys(self) -> ApiKeyServicer:
        find_standing = FindStanding(self.model, self.clock)
        return ApiKeyServicer(
            create_api_key=CreateApiKey(self.uow, self.model, find_standing, self.clock),
            list_api_keys=ListApiKeys(self.uow),
            revoke_api_key=RevokeApiKey(self.uow, find_standing, self.clock),
        )


def serve(settings: Settings) -> Callable[[Lifecycle], AbstractAsyncContextManager[None]]:
    """The service as `assay_common.lifecycle.run` starts it."""

    @asynccontextmanager
    async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(pool(settings.database, SCHEMA, lifecycle))
            parts = Parts(
                UnitOfWork(database, SCHEMA, PostgresTransaction), Ed25519Signer(settings.key_encryption_bytes)
            )
            await prepare(parts, settings.bootstrap_admin)
            kafka = await stack.enter_async_context(producer(settings.kafka))
            lifecycle.spawn("outbox", relay(database, SCHEMA, kafka, lifecycle))
            await stack.enter_async_context(listening(lifecycle, settings, parts))
            yield

    return start


async def prepare(parts: Parts, admin: BootstrapAdmin) -> None:
    """Have a signing key that opens, and somebody who can sign in; raises SigningKeyUnreadable."""
    key = await parts.ensure_signing_key()()
    parts.signer.open(key.material)
    if admin.email is not None and admin.password is not None:
        create = CreateBootstrapAdmin(parts.uow, parts.hasher, parts.clock)
        if await create(admin.email, admin.password.get_secret_value()):
            log.info("bootstrap administrator created", email=admin.email)


def listening(lifecycle: Lifecycle, settings: Settings, parts: Parts) -> AbstractAsyncContextManager[int]:
    """The gRPC server, which verifies tokens with the keys of its own database; yields the bound port."""
    return serve_grpc(lifecycle, settings.grpc, parts.servicers(), SERVICES, TokenVerifier(parts.get_jwks()))
