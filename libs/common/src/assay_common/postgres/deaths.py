"""Counts the workers that die over a task, and gives it up after some: else it would be delivered again for ever.

A worker notes that it begins a task, in a transaction of its own, and takes that back however the task ends: done,
failed, or cancelled because its partition went elsewhere or the process stops. What a worker could not take back has
killed it, by using up the memory, say, or by a crash of native code.
"""

import asyncio
from contextlib import nullcontext
from typing import Final, Protocol
from uuid import UUID, uuid4

import asyncpg
import structlog

from assay_common.kafka.delivery import Abandoned, Delivery, WorkersDied
from assay_common.postgres.outbox import DATABASE_AWAY

log = structlog.get_logger()

MAX_DEATHS: Final = 5
"""Workers that may die over one task before it is given up."""
LIFE_SIGN_SECONDS: Final = 1.0
"""What a worker that lives has to take its attempt back, when the task has already come to another one."""

_OF_OTHERS = "SELECT count(*) FROM attempts WHERE event_id = $1 AND worker <> $2"
_BEGIN = "INSERT INTO attempts (event_id, worker) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_GIVE_BACK = "DELETE FROM attempts WHERE event_id = $1 AND worker = $2"
_END = "DELETE FROM attempts WHERE event_id = $1"


class Tasks(Protocol):
    """What a worker does with tasks."""

    async def __call__(self, delivery: Delivery) -> None:
        """Do a task."""

    async def abandon(self, abandoned: Abandoned) -> None:
        """End what waits for a task that was put aside."""


class CountedTasks:
    """Hands tasks to whoever does them, unless too many workers died over them already.

    A task that is in hand when its worker dies of another one counts as well. So that it is not given up for its
    neighbour's fault, a worker does the tasks over which others died one after the other.

    Its table is made by `tables.create_attempts`. An attempt that a worker cannot take back because the database is
    away counts only if the worker does not come back to the task.
    """

    def __init__(self, pool: asyncpg.Pool, tasks: Tasks) -> None:
        self._pool = pool
        self._tasks = tasks
        self._worker = uuid4()
        self._suspects = asyncio.Lock()

    async def __call__(self, delivery: Delivery) -> None:
        """Raises WorkersDied, which is permanent, and what doing the task raises."""
        event_id = delivery.event.id
        deaths = await self._deaths(event_id)
        if deaths >= MAX_DEATHS:
            raise WorkersDied(f"given up: {deaths} workers died over it")
        async with self._suspects if deaths else nullcontext():
            try:
                await self._pool.execute(_BEGIN, event_id, self._worker)
                await self._tasks(delivery)
            except BaseException:  # whoever can tell of it is alive, also one that is cancelled
                await self._note(_GIVE_BACK, event_id, self._worker)
                raise
        await self._note(_END, event_id)

    async def abandon(self, abandoned: Abandoned) -> None:
        """End what waits for the task; handed over once more, it is counted anew. Raises what ending it raises."""
        await self._tasks.abandon(abandoned)
        await self._note(_END, abandoned.delivery.event.id)

    async def _deaths(self, event_id: UUID) -> int:
        if not await self._left_behind(event_id):
            return 0
        await asyncio.sleep(LIFE_SIGN_SECONDS)
        return await self._left_behind(event_id)

    async def _left_behind(self, event_id: UUID) -> int:
        """How many other workers have begun the task and not taken that back."""
        found: int = await self._pool.fetchval(_OF_OTHERS, event_id, self._worker)
        return found

    async def _note(self, statement: str, *values: UUID) -> None:
        try:
            await self._pool.execute(statement, *values)
        except DATABASE_AWAY as error:
            log.warning("end of an attempt not noted", event_id=str(values[0]), error=repr(error))
