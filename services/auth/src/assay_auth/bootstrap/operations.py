"""What an operator does by hand: roles of the command line that do one thing and end."""

import asyncio
from uuid import UUID

import structlog

from assay_auth.adapters.postgres.transaction import SCHEMA, PostgresTransaction
from assay_auth.adapters.sealing import Sealer
from assay_auth.adapters.signing import Ed25519Signer
from assay_auth.application.accounts.deactivate import Deactivate, DeactivateByAddress
from assay_auth.application.reseal import Reseal, Resealed
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
        return await RotateSigningKey(uow, Ed25519Signer(*settings.key_encryption_keys), utc_now)()


def reseal() -> int:
    """Seal everything under the key encryption key that is still under a previous one, and say whether that may go."""
    settings = load(KeySettings)
    configure_logging("auth-reseal", settings.log)
    done = asyncio.run(_resealed(settings))
    for name in done.unreadable:
        log.error("does not open with any key", name=name)
    told = {"signing_keys": done.signing_keys, "second_factors": done.second_factors}
    if done.unreadable:
        log.error("sealed anew, but not everything: keep the previous keys, and add the missing one", **told)
        return 1
    log.info("sealed anew: the previous keys may go once no process seals under them", **told)
    return 0


async def _resealed(settings: KeySettings) -> Resealed:
    async with pool(settings.database, SCHEMA) as database:
        uow = UnitOfWork(database, SCHEMA, PostgresTransaction)
        return await Reseal(uow, Sealer(*settings.key_encryption_keys))()


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
