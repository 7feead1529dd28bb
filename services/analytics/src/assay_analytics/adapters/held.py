"""The sums, held still while they are counted anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_analytics.application.count_event import CONSUMER
from assay_common.postgres.unit_of_work import TenantTransaction, UnitOfWork

TABLES = ("counters", "event_counts", "model_usage")
_PATIENCE = 4 * 60 * 60.0
"""Seconds that a statement may take: many millions of rows are deleted in less."""
_HOLD = f"LOCK TABLE {', '.join(TABLES)}, inbox IN SHARE ROW EXCLUSIVE MODE"


@dataclass(frozen=True, slots=True)
class HeldSums:
    """The tables of all organisations, which nobody else writes."""

    connection: asyncpg.Connection

    async def forget_all(self) -> None:
        """Empty the tables."""
        for table in TABLES:
            await self.connection.execute(f"DELETE FROM {table}", timeout=_PATIENCE)  # noqa: S608 - our own names
        await self.connection.execute("DELETE FROM inbox WHERE consumer = $1", CONSUMER, timeout=_PATIENCE)

    async def forget_since(self, start: datetime) -> None:
        """Delete the rows of this hour and all later ones."""
        for table in TABLES:
            await self.connection.execute(f"DELETE FROM {table} WHERE hour >= $1", start, timeout=_PATIENCE)  # noqa: S608

    async def forget_events(self, event_ids: Sequence[UUID]) -> None:
        """Delete the events from the inbox."""
        await self.connection.execute(
            "DELETE FROM inbox WHERE consumer = $1 AND event_id = ANY ($2::uuid[])",
            CONSUMER,
            event_ids,
            timeout=_PATIENCE,
        )


@dataclass(frozen=True, slots=True)
class PostgresHold:
    """A transaction of the system, which sees every organisation and may delete what was counted."""

    uow: UnitOfWork[TenantTransaction]

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[HeldSums]:
        """Wait for whoever writes now, then keep everybody from it."""
        async with self.uow.system() as tx:
            await tx.connection.execute("SET LOCAL statement_timeout = 0")
            await tx.connection.execute(_HOLD)
            yield HeldSums(tx.connection)
