"""The outbox relay: publishes what is committed in `events`, once the commit made it visible, in order per key.

Rows are claimed by their state (`published_at IS NULL`), not by a cursor over positions: positions are drawn before
the commit, so a lower one can appear after a higher one. Within an aggregate that cannot happen, since its versions
are unique and each is decided on the one before; hence order per aggregate is the order of positions.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import asyncpg
import structlog

from assay_common.kafka.producer import Producer
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import OUTBOX_LEADER, OUTBOX_OLDEST_SECONDS, OUTBOX_PUBLISHED, OUTBOX_UNPUBLISHED
from assay_common.postgres.publisher import KafkaPublisher, OutboxEvent
from assay_common.postgres.roles import Names

log = structlog.get_logger()

BATCH: Final = 500
"""Events claimed at a time."""
POLL_SECONDS: Final = 1.0
"""Longest wait between two looks, for when a notification is lost or the leader has died."""
LONGEST_PAUSE: Final = 5.0
"""Seconds, at most, before trying again while Kafka or the database is away."""
LAST_ACKNOWLEDGEMENTS: Final = 5.0
"""Seconds for what is in flight when the process stops; what is not acknowledged by then is sent again later."""

Publish = Callable[[Sequence[OutboxEvent]], Awaitable[list[int]]]
"""Publishes events and returns the positions of the acknowledged ones."""

DATABASE_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says when the server ends a connection in the middle of its own steps
)

_CLAIM = """
    SELECT position, id, org_id, topic, key, aggregate_id, type, payload, traceparent, request_id, actor,
           client_address, private_to, occurred_at
    FROM events
    WHERE published_at IS NULL
    ORDER BY position
    LIMIT $1
"""
_MARK = "UPDATE events SET published_at = clock_timestamp() WHERE position = ANY($1::bigint[])"
_WAITING = "SELECT count(*) FROM events WHERE published_at IS NULL"


async def relay(pool: asyncpg.Pool, schema: str, producer: Producer, lifecycle: Lifecycle) -> None:
    """Publish the schema's events until the process stops; to be spawned.

    At least once, and in order per key: of all replicas one leads (a session's advisory lock), another takes over
    within POLL_SECONDS after the leader's session ends. While Kafka or the database is away the events stay where
    they are; a topic that cannot be written to slows the others down, and stops them once BATCH of its events wait. The
    leader keeps one connection of the pool.
    """
    await OutboxRelay(pool, schema, KafkaPublisher(producer), lifecycle.stopping).run()


class OutboxRelay:
    """The relay over any way to publish; see `relay`."""

    def __init__(self, pool: asyncpg.Pool, schema: str, publish: Publish, stopping: asyncio.Event) -> None:
        self._pool = pool
        self._names = Names(schema)
        self._publish = publish
        self._stopping = stopping
        self._wake = asyncio.Event()
        self._failures = 0
        self._oldest_at: float | None = None
        """When the oldest event happened that waits, as far as this process leads; seconds since the epoch."""

    async def run(self) -> None:
        """Lead whenever nobody else does, until stopping is set."""
        stop = asyncio.create_task(self._wake_when_stopping())
        OUTBOX_LEADER.labels(self._names.schema).set(0)  # known from the start, so that it is seen when nobody leads
        try:
            while not self._stopping.is_set():
                try:
                    await self._lead_if_nobody_does()
                except DATABASE_AWAY as error:
                    log.warning("outbox waits for the database", error=f"{type(error).__name__}: {error}")
                    self._failures += 1
                await self._rest()
        finally:
            stop.cancel()

    async def _wake_when_stopping(self) -> None:
        await self._stopping.wait()
        self._wake.set()

    async def _lead_if_nobody_does(self) -> None:
        async with self._pool.acquire() as connection:
            lock = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
            if not await connection.fetchval(lock, self._names.relay_lock):
                self._failures = 0
                return
            log.info("outbox relay leads", schema=self._names.schema)
            await self._lead(connection)
            # The pool unlocks everything when the connection returns to it.

    async def _lead(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        connection.add_termination_listener(self._announced)
        await connection.add_listener(self._names.channel, self._announced)
        OUTBOX_LEADER.labels(self._names.schema).set(1)
        OUTBOX_OLDEST_SECONDS.labels(self._names.schema).set_function(self._oldest_age)
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                full = await self._relay_batch(connection)
                if self._failures or not full:
                    await self._rest()
        finally:
            self._oldest_at = None
            OUTBOX_LEADER.labels(self._names.schema).set(0)
            OUTBOX_UNPUBLISHED.labels(self._names.schema).set(0)
            connection.remove_termination_listener(self._announced)
            await connection.remove_listener(self._names.channel, self._announced)

    def _oldest_age(self) -> float:
        return 0.0 if self._oldest_at is None else max(0.0, time.time() - self._oldest_at)

    def _announced(self, *_: object) -> None:
        self._wake.set()

    async def _relay_batch(self, connection: asyncpg.pool.PoolConnectionProxy) -> bool:
        """Publish the oldest waiting events; says whether there may be more."""
        events = await self._claim(connection)
        acknowledged = await self._publish_while_running(events) if events else []
        if acknowledged:
            await self._mark(connection, acknowledged)
            OUTBOX_PUBLISHED.labels(self._names.schema).inc(len(acknowledged))
            done = set(acknowledged)
            self._note_oldest(event for event in events if event.position not in done)
        self._failures = self._failures + 1 if len(acknowledged) < len(events) else 0
        return len(events) == BATCH

    async def _claim(self, connection: asyncpg.pool.PoolConnectionProxy) -> list[OutboxEvent]:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {self._names.system}")
            rows = await connection.fetch(_CLAIM, BATCH)
            waiting = len(rows) if len(rows) < BATCH else await connection.fetchval(_WAITING)
        OUTBOX_UNPUBLISHED.labels(self._names.schema).set(waiting)
        events = [OutboxEvent.from_row(row, source=self._names.schema) for row in rows]
        self._note_oldest(events)
        return events

    def _note_oldest(self, waiting: Iterable[OutboxEvent]) -> None:
        first = next(iter(waiting), None)
        self._oldest_at = first.event.time.timestamp() if first else None

    async def _mark(self, connection: asyncpg.pool.PoolConnectionProxy, positions: Sequence[int]) -> None:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {self._names.system}")
            await connection.execute(_MARK, positions)
        OUTBOX_UNPUBLISHED.labels(self._names.schema).dec(len(positions))

    async def _publish_while_running(self, events: Sequence[OutboxEvent]) -> list[int]:
        """Publish, however long Kafka is away; when the process stops, only a little longer."""
        publishing = asyncio.ensure_future(self._publish(events))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({publishing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({publishing}, timeout=LAST_ACKNOWLEDGEMENTS)
            if publishing.done():
                return publishing.result()
            log.warning("outbox stops before Kafka acknowledged", events=len(events))
            return []
        finally:
            stopping.cancel()
            publishing.cancel()

    async def _rest(self) -> None:
        """Wait for news, or, after failures, ever longer and whatever the news; the process's end cuts it short."""
        if self._failures:
            longest = min(0.1 * 2.0**self._failures, LONGEST_PAUSE)
            await _wait(self._stopping, longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        else:
            await _wait(self._wake, POLL_SECONDS)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
