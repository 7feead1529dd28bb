"""Events that Kafka has and the service's tables have not: what was done after the point that was restored."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from assay_common.kafka.headers import CloudEvent, MalformedHeaders
from assay_common.kafka.reading import offsets_at, partitions_of, reader, until_end
from assay_common.postgres.pool import pool
from assay_common.settings import DatabaseSettings, KafkaSettings
from assay_protos.topics import ALL


@dataclass(frozen=True, slots=True)
class LostEvent:
    """Something that somebody was told has happened, and that the database knows nothing of."""

    event: CloudEvent
    topic: str
    payload: bytes


async def lost_events(
    database: DatabaseSettings, kafka: KafkaSettings, service: str, since: datetime
) -> AsyncIterator[LostEvent]:
    """The events and tasks of one service since a moment whose ids its table of events does not have.

    Raises Unavailable, and what the pool raises.
    """
    names = {kafka.qualified(topic.name): topic.name for topic in ALL if topic.owner == service}
    async with pool(database, service) as connections, reader(kafka) as consumer:
        partitions = await partitions_of(kafka, list(names))
        async for record in until_end(consumer, await offsets_at(consumer, partitions, since)):
            try:
                event = CloudEvent.from_headers(record.headers)
            except MalformedHeaders:
                continue
            if not await _has(connections, service, event):
                yield LostEvent(event, names[record.topic], record.value or b"")


async def _has(connections: asyncpg.Pool, service: str, event: CloudEvent) -> bool:
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE assay_{service}_system")
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM events WHERE id = $1)", event.id))
