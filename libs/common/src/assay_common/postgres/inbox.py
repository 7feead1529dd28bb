"""The inbox: which consumer has handled which event, so that a redelivery changes nothing."""

from uuid import UUID

import asyncpg

_INSERT = "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"

_IS_KNOWN = "SELECT EXISTS (SELECT FROM inbox WHERE consumer = $1 AND event_id = $2)"


async def is_known(connection: asyncpg.Connection, consumer: str, event_id: UUID) -> bool:
    """Whether this consumer has handled the event, as far as is committed."""
    return bool(await connection.fetchval(_IS_KNOWN, consumer, event_id))


async def first_delivery(connection: asyncpg.Connection, consumer: str, event_id: UUID) -> bool:
    """Remember the event for this consumer; False when it is remembered already.

    While another transaction is handling the same event, this waits for its end.
    """
    return await connection.execute(_INSERT, consumer, event_id) == "INSERT 0 1"
