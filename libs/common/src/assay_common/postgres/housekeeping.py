"""Removes rows that nobody needs any more, a few at a time, so that no table grows for ever.

What may go is a list in each service's wiring; how long it is kept is a setting. The database holds the limits too: the
role that removes may delete from the inbox and, of events, only those published long ago (`tables.let_forget`).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg
import structlog

from assay_common.errors import Unavailable
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import HOUSEKEEPING_REMOVED
from assay_common.postgres.outbox import DATABASE_AWAY
from assay_common.postgres.roles import Names
from assay_common.settings import HousekeepingSettings

log = structlog.get_logger()

BATCH: Final = 1_000
"""Rows removed by one transaction: small enough that nobody waits for its locks."""


@dataclass(frozen=True, slots=True)
class Expendable:
    """Rows of a table that may go once they are old enough."""

    table: str
    is_old: str
    """SQL about a row, in which $1 is the time that a row must lie before; a literal of the code."""
    kept: timedelta
    batch: int = BATCH
    remove_with: Callable[[Sequence[asyncpg.Record]], Awaitable[None]] | None = None
    """Removes what lies elsewhere and goes with rows, within their transaction: when it raises (Unavailable, if that
    place is away) they stay. May be called again for rows whose things are gone."""


def handled_events(settings: HousekeepingSettings) -> Expendable:
    """The inbox: kept as long as an event can come again, by Kafka's retention or from the dead letters."""
    return Expendable("inbox", "received_at < $1", timedelta(days=settings.inbox_days))


def published_events(settings: HousekeepingSettings) -> Expendable:
    """Events and tasks that Kafka has taken, for services that never read them again."""
    return Expendable("events", "published_at < $1", timedelta(days=settings.events_days))


def forgotten_attempts(settings: HousekeepingSettings) -> Expendable:
    """What workers that died had in hand: kept as long as the task can come again."""
    return Expendable("attempts", "began_at < $1", timedelta(days=settings.inbox_days))


async def keep_house(
    pool: asyncpg.Pool,
    schema: str,
    expendables: Sequence[Expendable],
    settings: HousekeepingSettings,
    lifecycle: Lifecycle,
) -> None:
    """Remove what is old, now and then, until the process stops; to be spawned.

    Of all replicas one does it at a time (a session's advisory lock). What a batch has removed is committed, so one
    that dies in between costs nothing. While the database is away, or another place
    that rows go with, nothing is removed.
    """
    housekeeper = Housekeeper(pool, schema, expendables)
    # The first time soon, or processes that are often replaced would never come to it; not all at the same moment.
    pause = settings.every_seconds * random.uniform(0, 0.1)  # noqa: S311 - jitter, not a secret
    while not await _stopping_within(lifecycle, pause):
        try:
            await housekeeper.clean(lifecycle.stopping)
        except DATABASE_AWAY as error:
            log.warning("housekeeping waits for the database", schema=schema, error=f"{type(error).__name__}: {error}")
        except Unavailable as error:
            log.warning("housekeeping waits", schema=schema, error=error.message)
        pause = settings.every_seconds * random.uniform(0.9, 1.1)  # noqa: S311 - likewise


class Housekeeper:
    """Removes the expendable rows of one schema."""

    def __init__(self, pool: asyncpg.Pool, schema: str, expendables: Sequence[Expendable]) -> None:
        self._pool = pool
        self._names = Names(schema)
        self._expendables = expendables
        for expendable in expendables:  # a rate does not see the first of what was never seen at 0
            HOUSEKEEPING_REMOVED.labels(schema, expendable.table)

    async def clean(self, stopping: asyncio.Event) -> int:
        """Remove all that is old, unless another replica does; how many rows. Ends early when stopping is set."""
        async with self._pool.acquire() as connection:
            lock = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
            if not await connection.fetchval(lock, self._names.housekeeping_lock):
                return 0
            # The pool unlocks everything when the connection returns to it.
            return sum([await self._clean(connection, expendable, stopping) for expendable in self._expendables])

    async def _clean(
        self, connection: asyncpg.pool.PoolConnectionProxy, expendable: Expendable, stopping: asyncio.Event
    ) -> int:
        removed = 0
        while not stopping.is_set():
            began = time.perf_counter()
            batch = await self._remove(connection, expendable)
            removed += batch
            HOUSEKEEPING_REMOVED.labels(self._names.schema, expendable.table).inc(batch)
            if batch < expendable.batch:
                break
            await asyncio.sleep(time.perf_counter() - began)  # a backlog takes half of one connection's time, not all
        if removed:
            log.info("removed", schema=self._names.schema, table=expendable.table, rows=removed)
        return removed

    async def _remove(self, connection: asyncpg.pool.PoolConnectionProxy, expendable: Expendable) -> int:
        table = expendable.table
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {self._names.system}")
            before = await connection.fetchval("SELECT now() - $1::interval", expendable.kept)
            # A row that somebody changes meanwhile has another ctid, and stays.
            delete = f"""
                DELETE FROM {table} WHERE ctid = ANY (ARRAY (
                    SELECT ctid FROM {table} WHERE {expendable.is_old} LIMIT {expendable.batch}
                ))
            """  # noqa: S608 - names and conditions are literals of the code
            if expendable.remove_with is None:
                return int((await connection.execute(delete, before)).removeprefix("DELETE "))
            rows = await connection.fetch(f"{delete} RETURNING *", before)
            await expendable.remove_with(rows)
            return len(rows)


async def _stopping_within(lifecycle: Lifecycle, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await lifecycle.stopping.wait()
    except TimeoutError:
        return False
    return True
