"""Wires service accounts and API keys."""

import asyncio
import contextlib

import asyncpg
import structlog

from assay.auth.v1.api_keys_pb2_grpc import add_ApiKeyServiceServicer_to_server
from assay.auth.v1.service_accounts_pb2_grpc import add_ServiceAccountServiceServicer_to_server
from assay_auth.application.machines.change_service_account import DeleteServiceAccount, UpdateServiceAccount
from assay_auth.application.machines.create_api_key import CreateApiKey
from assay_auth.application.machines.create_service_account import CreateServiceAccount
from assay_auth.application.machines.key_uses import FLUSH_SECONDS
from assay_auth.application.machines.list_api_keys import ListApiKeys
from assay_auth.application.machines.read_service_accounts import GetServiceAccount, ListServiceAccounts
from assay_auth.application.machines.revoke_api_key import RevokeApiKey
from assay_auth.application.machines.rotate_api_key import RotateApiKey
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.api_keys import ApiKeyServicer
from assay_auth.entrypoints.grpc.service_accounts import ServiceAccountServicer
from assay_common.errors import Aborted
from assay_common.rpc.server import Servicer

log = structlog.get_logger()


def api_key_service(parts: Parts) -> Servicer:
    """ApiKeyService."""
    return add_ApiKeyServiceServicer_to_server, ApiKeyServicer(
        create_api_key=CreateApiKey(parts.uow, parts.model, parts.find_standing, parts.clock),
        list_api_keys=ListApiKeys(parts.uow),
        rotate_api_key=RotateApiKey(parts.uow, parts.find_standing, parts.clock),
        revoke_api_key=RevokeApiKey(parts.uow, parts.find_standing, parts.clock),
    )


def service_account_service(parts: Parts) -> Servicer:
    """ServiceAccountService."""
    return add_ServiceAccountServiceServicer_to_server, ServiceAccountServicer(
        create_service_account=CreateServiceAccount(parts.uow, parts.find_standing, parts.clock),
        get_service_account=GetServiceAccount(parts.uow),
        list_service_accounts=ListServiceAccounts(parts.uow),
        update_service_account=UpdateServiceAccount(parts.uow, parts.find_standing),
        delete_service_account=DeleteServiceAccount(parts.uow, parts.find_standing, parts.clock),
    )


async def keep_key_uses(parts: Parts, stopping: asyncio.Event) -> None:
    """Store when keys were last used, every FLUSH_SECONDS and once more when the process stops."""
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), FLUSH_SECONDS)
        try:
            await parts.key_uses.flush()
        except (OSError, Aborted, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("uses of API keys not stored yet", error=repr(error))
