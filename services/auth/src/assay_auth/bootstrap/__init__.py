"""The only place that wires adapters to use cases."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from assay.auth.v1 import (
    accounts_pb2,
    api_keys_pb2,
    audit_trail_pb2,
    invitations_pb2,
    organisations_pb2,
    service_accounts_pb2,
    sessions_pb2,
    single_sign_on_pb2,
    teams_pb2,
)
from assay_auth.adapters.postgres.transaction import SCHEMA, PostgresTransaction
from assay_auth.adapters.sealing import Sealer
from assay_auth.adapters.signing import Ed25519Signer
from assay_auth.application.accounts.create_bootstrap_admin import CreateBootstrapAdmin
from assay_auth.bootstrap.accounts import (
    account_service,
    keep_mails_going,
    keep_tidy,
    mailer,
    second_factor_service,
)
from assay_auth.bootstrap.audit_trail import audit_trail_service, keep_audit_trail
from assay_auth.bootstrap.devices import device_service
from assay_auth.bootstrap.invitations import invitation_service
from assay_auth.bootstrap.machines import api_key_service, keep_key_uses, service_account_service
from assay_auth.bootstrap.organisations import organisation_service
from assay_auth.bootstrap.parts import Parts
from assay_auth.bootstrap.sessions import session_service
from assay_auth.bootstrap.single_sign_on import identity_providers, single_sign_on_service
from assay_auth.bootstrap.teams import team_service
from assay_auth.settings import BootstrapAdmin, Settings
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.housekeeping import handled_events, keep_house
from assay_common.postgres.outbox import relay
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc.jwks import TokenVerifier
from assay_common.rpc.server import Servicer
from assay_common.rpc.server import serve as serve_grpc

__all__ = ["MIGRATIONS", "SERVICES", "Parts", "listening", "prepare", "serve", "servicers"]

log = structlog.get_logger()

SIGNING_KEYS_SECONDS: Final = 300.0
"""How often is looked whether the next signing key is to be published."""
MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"
SERVICES: Final = tuple(
    service
    for module in (
        sessions_pb2,
        accounts_pb2,
        organisations_pb2,
        invitations_pb2,
        teams_pb2,
        service_accounts_pb2,
        api_keys_pb2,
        audit_trail_pb2,
        single_sign_on_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
)


def servicers(parts: Parts) -> Sequence[Servicer]:
    """The gRPC services."""
    return [
        session_service(parts),
        account_service(parts),
        second_factor_service(parts),
        organisation_service(parts),
        invitation_service(parts),
        team_service(parts),
        service_account_service(parts),
        api_key_service(parts),
        audit_trail_service(parts),
        device_service(parts),
        single_sign_on_service(parts),
    ]


def serve(settings: Settings) -> Callable[[Lifecycle], AbstractAsyncContextManager[None]]:
    """The service as `assay_common.lifecycle.run` starts it."""

    @asynccontextmanager
    async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(pool(settings.database, SCHEMA, lifecycle))
            parts = Parts(
                UnitOfWork(database, SCHEMA, partial(PostgresTransaction, mails_leave=settings.mails_leave)),
                Ed25519Signer(*settings.key_encryption_keys),
                Sealer(*settings.key_encryption_keys),
                public_url=settings.public_url.rstrip("/"),
                sign_up=settings.sign_up,
                providers=await stack.enter_async_context(identity_providers(settings.sso)),
            )
            await prepare(parts, settings.bootstrap_admin)
            kafka = await stack.enter_async_context(producer(settings.kafka))
            lifecycle.spawn("outbox", relay(database, SCHEMA, kafka, lifecycle))
            house = settings.housekeeping
            lifecycle.spawn("housekeeping", keep_house(database, SCHEMA, [handled_events(house)], house, lifecycle))
            lifecycle.spawn("uses of API keys", keep_key_uses(parts, lifecycle.stopping))
            carrier = mailer(settings)
            if carrier is not None:
                lifecycle.spawn("mails", keep_mails_going(parts, carrier, lifecycle.stopping))
            lifecycle.spawn("tidying", keep_tidy(parts), cancel_on_stop=True)
            lifecycle.spawn("audit trail", keep_audit_trail(lifecycle, settings.kafka, parts))
            lifecycle.spawn("signing keys", keep_signing_keys(parts), cancel_on_stop=True)
            await stack.enter_async_context(listening(lifecycle, settings, parts))
            yield

    return start


async def prepare(parts: Parts, admin: BootstrapAdmin) -> None:
    """Have a signing key that opens, and somebody who can sign in; raises SigningKeyUnreadable."""
    key = await parts.ensure_signing_key()
    parts.signer.open(key.material)
    if admin.email is not None and admin.password is not None:
        create = CreateBootstrapAdmin(parts.uow, parts.password_rules, parts.hasher, parts.clock)
        if await create(admin.email, admin.password.get_secret_value()):
            log.info("bootstrap administrator created", email=admin.email)


async def keep_signing_keys(parts: Parts) -> None:
    """Have the next key published long before it signs; runs for ever."""
    while True:
        await asyncio.sleep(SIGNING_KEYS_SECONDS)
        try:
            await parts.ensure_signing_key()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("signing keys not looked after", error=repr(error))


def listening(lifecycle: Lifecycle, settings: Settings, parts: Parts) -> AbstractAsyncContextManager[int]:
    """The gRPC server, which verifies tokens with the keys of its own database; yields the bound port."""
    return serve_grpc(lifecycle, settings.grpc, servicers(parts), SERVICES, TokenVerifier(parts.get_jwks))
