"""What an operator does by hand: roles of the command line that do one thing and end."""

import asyncio
from uuid import UUID

import structlog

from assay_auth.adapters.postgres.transaction import SCHEMA, PostgresTransaction
from assay_auth.adapters.signing import Ed25519Signer
from assay_auth.application.accounts.deactivate import Deactivate, DeactivateByAddress
from assay_auth.application.tokens.signing_key import RotateSigningKey
from assay_auth.domain.access import SigningKey
from assay_auth.settings import KeySettings
from assay_common.clock import utc_now
from assay_common.errors import AssayError
from assay_common.logs import configure_logging
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.settings import DatabaseSettings, ServiceSettings, load

log = structlog.get_logger()


def rotate_signing_key() -> int:
    """Publish a new signing key, which takes over as soon as every verifier knows it; no token stops working."""
    settings = load(KeySettings)
    configure_logging("auth-rotate-signing-key", settings.log)
    key = asyncio.run(_rotated(settings))
    log.info("signing key published", key_id=key.material.id, signs_from=key.signs_from.isoformat())
    return 0


async def _rotated(settings: KeySettings) -> SigningKey:
    async with pool(settings.database, SCHEMA) as database:
        uow = UnitOfWork(database, SCHEMA, PostgresTransaction)
        return await RotateSigningKey(uow, Ed25519Signer(settings.key_encryption_bytes), utc_now)()


class OperatorSettings(ServiceSettings):
    """What an operation upon people needs."""

    database: DatabaseSettings


def deactivate(email: str) -> int:
    """Close the account with this address for good: sessions, memberships and keys end with it."""
    settings = load(OperatorSettings)
    configure_logging("auth-deactivate", settings.log)
    try:
        user_id = asyncio.run(_deactivated(settings, email))
    except AssayError as error:
        log.error("account not closed", reason=error.reason, error=error.message)  # noqa: TRY400 - nothing broke
        return 1
    log.info("account closed", user_id=str(user_id))
    return 0


async def _deactivated(settings: OperatorSettings, email: str) -> UUID:
    async with pool(settings.database, SCHEMA) as database:
        uow = UnitOfWork(database, SCHEMA, PostgresTransaction)
        return await DeactivateByAddress(uow, Deactivate(uow, utc_now))(email)
