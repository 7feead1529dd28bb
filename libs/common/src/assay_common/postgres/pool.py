"""A connection pool whose connections cannot see past row-level security."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog

from assay_common.certificates import measure_read_always
from assay_common.errors import Unavailable
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import DATABASE_POOL_IDLE, DATABASE_POOL_LIMIT, DATABASE_POOL_SIZE
from assay_common.postgres.refusals import refusal
from assay_common.postgres.roles import Names
from assay_common.settings import DatabaseSettings

log = structlog.get_logger()

STATEMENT_TIMEOUT: Final = 30.0
"""Seconds after which the server gives a statement up."""
IDLE_IN_TRANSACTION_TIMEOUT: Final = 60.0
"""Seconds after which the server ends a transaction in which nothing happens, and frees its locks."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds one attempt to connect may take."""
START_DEADLINE: Final = 60.0
"""Seconds to wait at the start for a database that is not there yet."""

NOT_THERE_YET: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # starting up or shutting down
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidParameterValueError,  # the role is made by the migration, which may still be running
)


class DatabaseUnavailable(Unavailable):
    """The database did not take a connection within the deadline."""


@asynccontextmanager
async def pool(
    settings: DatabaseSettings, schema: str, lifecycle: Lifecycle | None = None
) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool for the schema's app role, waiting with back-off while the database is not there.

    Given a lifecycle, the process is ready only while the database answers.

    Raises:
        DatabaseUnavailable: no connection within START_DEADLINE.
        DatabaseRefused: the database does not take this login, this certificate or this way to connect.
    """
    opened = await _open(settings, Names(schema))
    if (trusted := os.environ.get("PGSSLROOTCERT")) is not None:
        measure_read_always(Path(trusted))
    DATABASE_POOL_LIMIT.set(opened.get_max_size())
    DATABASE_POOL_SIZE.set_function(opened.get_size)
    DATABASE_POOL_IDLE.set_function(opened.get_idle_size)
    try:
        if lifecycle is not None:
            lifecycle.add_check("postgres", lambda: _answers(opened))
        yield opened
    finally:
        await _close(opened)


async def _open(settings: DatabaseSettings, names: Names) -> asyncpg.Pool:
    pause = 0.1
    give_up_at = asyncio.get_running_loop().time() + START_DEADLINE
    while True:
        try:
            return await _connect(settings, names)
        except (*NOT_THERE_YET, asyncpg.InvalidAuthorizationSpecificationError) as error:
            if (refused := refusal(error)) is not None:
                raise refused from error
            if not isinstance(error, NOT_THERE_YET):
                raise
            if asyncio.get_running_loop().time() + pause > give_up_at:
                raise DatabaseUnavailable(f"no database after {START_DEADLINE:g} s: {error}") from error
            log.warning("waiting for the database", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
            pause = min(2 * pause, 3.0)


async def _connect(settings: DatabaseSettings, names: Names) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        settings.url.get_secret_value(),
        min_size=1,
        max_size=settings.pool_size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=STATEMENT_TIMEOUT + 5,  # the client's own end, should the server never answer
        init=_add_codecs,
        server_settings={
            "role": names.app,
            "search_path": names.schema,
            "application_name": f"assay-{names.schema}",
            "statement_timeout": _milliseconds(STATEMENT_TIMEOUT),
            "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_TIMEOUT),
            "timezone": "UTC",
        },
    )


async def _add_codecs(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_to_json, decoder=json.loads)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


async def _answers(opened: asyncpg.Pool) -> None:
    await opened.fetchval("SELECT 1")


async def _close(opened: asyncpg.Pool) -> None:
    try:
        async with asyncio.timeout(STATEMENT_TIMEOUT):
            await opened.close()
    except TimeoutError:
        log.warning("database connections were still in use at the end")
        opened.terminate()


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
