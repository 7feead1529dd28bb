"""Tells a database that is away from a statement that is wrong."""

from typing import Final

import asyncpg

_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is about to be promoted
    asyncpg.InternalClientError,  # what asyncpg says when the server ends a connection in the middle of its own steps
)


def database_is_away(error: BaseException) -> bool:
    """Whether `error` says that the database cannot do its work at the moment, whatever it was asked."""
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg has no class of its own for a connection that broke while it was in use.
        return "connection" in str(error) or "pool" in str(error)
    return isinstance(error, _AWAY)
