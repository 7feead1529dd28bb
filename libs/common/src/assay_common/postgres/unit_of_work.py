"""One transaction: the state, the events that tell of it, and the inbox entry that says it was done."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar, cast
from uuid import UUID

import asyncpg

from assay_common.errors import Aborted
from assay_common.idempotency import IdempotentRequestDone, Once, current_once
from assay_common.metrics import DATABASE_POOL_WAIT_SECONDS
from assay_common.postgres import events, inbox
from assay_common.postgres.events import NewEvent
from assay_common.postgres.roles import Names

T = TypeVar("T")

_DONE = "this was done before, and its answer was lost: read the resource to see what it did"


class TransactionConflict(Aborted):
    """Another transaction changed the same rows, or each waited for the other; nothing was written."""


@dataclass(frozen=True, slots=True)
class TenantTransaction:
    """An open transaction; what is done through it is committed together or not at all."""

    connection: asyncpg.Connection
    org_id: UUID | None
    """The organisation whose rows can be seen; None in a system transaction, which sees all."""

    async def record(self, event: NewEvent) -> None:
        """Store one event; it is published after the commit. Raises as `record_all`."""
        await events.append(self.connection, [event])

    async def record_all(self, new_events: Sequence[NewEvent]) -> None:
        """Store events in their order by one statement; they are published after the commit.

        Raises:
            EventTooLarge: a message would not fit into a Kafka record.
            asyncpg.UniqueViolationError: the aggregate already has an event of this version.
        """
        await events.append(self.connection, new_events)

    async def first_delivery(self, consumer: str, event_id: UUID) -> bool:
        """Note that `consumer` has handled the event; False when it had before, and the effect must be skipped."""
        return await inbox.first_delivery(self.connection, consumer, event_id)


class UnitOfWork(Generic[T]):
    """Opens transactions and wraps each in the service's own type, for instance one with repositories.

    A transaction commits when the block ends and rolls back when it raises. It is never run again silently. Inside an
    RPC that was called with an idempotency key, the first transaction that writes something notes the key.

    Raises:
        IdempotentRequestDone: the RPC was called with the same key before, and had an effect.
        TransactionConflict: serialisation failure or deadlock.
    """

    def __init__(self, pool: asyncpg.Pool, schema: str, wrap: Callable[[TenantTransaction], T]) -> None:
        self._pool = pool
        self._system_role = Names(schema).system
        self._wrap = wrap

    @asynccontextmanager
    async def __call__(self, org_id: UUID) -> AsyncIterator[T]:
        """Open a transaction that sees the rows of one organisation only."""
        async with self._transaction() as connection:
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(org_id))
            yield self._wrap(TenantTransaction(connection, org_id))

    @asynccontextmanager
    async def with_public(self, org_id: UUID) -> AsyncIterator[T]:
        """Open a transaction that sees the rows of one organisation, and reads what others have made public."""
        async with self._transaction() as connection:
            await connection.execute(
                "SELECT set_config('assay.org_id', $1, true), set_config('assay.reads_public', 'on', true)", str(org_id)
            )
            yield self._wrap(TenantTransaction(connection, org_id))

    @asynccontextmanager
    async def system(self) -> AsyncIterator[T]:
        """Open a transaction that sees every organisation: for code that knows no tenant yet."""
        async with self._transaction() as connection:
            await connection.execute(f"SET LOCAL ROLE {self._system_role}")
            yield self._wrap(TenantTransaction(connection, None))

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        began = time.perf_counter()
        async with self._pool.acquire() as acquired:
            DATABASE_POOL_WAIT_SECONDS.observe(time.perf_counter() - began)
            yield acquired

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[asyncpg.Connection]:
        once = current_once()
        once = None if once is None or once.is_noted else once
        noted = False
        with _conflicts_named():
            async with self._acquired() as acquired, acquired.transaction():
                # The pool's proxy has every method of a connection, which the type checker cannot know.
                connection = cast("asyncpg.Connection", acquired)
                if once is not None:
                    await _ensure_first(connection, once)
                yield connection
                if once is not None:
                    noted = await _note(connection, once)
        if once is not None:
            once.is_noted = noted


async def _ensure_first(connection: asyncpg.Connection, once: Once) -> None:
    """Raise IdempotentRequestDone when the call was made before."""
    if await inbox.is_known(connection, once.consumer, once.id):
        raise IdempotentRequestDone(_DONE)


async def _note(connection: asyncpg.Connection, once: Once) -> bool:
    """Note the call in the transaction that has written something for it; whether it has.

    Raises IdempotentRequestDone, which undoes what was written, when the same call was made at the same time.
    """
    if not await connection.fetchval("SELECT pg_current_xact_id_if_assigned() IS NOT NULL"):
        return False
    if not await inbox.first_delivery(connection, once.consumer, once.id):
        raise IdempotentRequestDone(_DONE)
    return True


@contextmanager
def _conflicts_named() -> Iterator[None]:
    try:
        yield
    except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
        raise TransactionConflict("somebody else changed the same data at the same time") from error
