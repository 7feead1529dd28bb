"""The audit trail's tables; the database itself refuses to change or delete an entry."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from assay_auth.application.ports.audit_trail import EntryFilter
from assay_auth.domain.audit_trail import GENESIS, START, ActorKind, Entry, Fact, Link, canonical

PIECE: Final = 1000
"""Entries read at a time."""

_COLUMNS = (
    "org_id, sequence, id, occurred_at, actor, actor_kind, action, target_kind, target, address, request_id, data, hash"
)
_BEGIN = "INSERT INTO audit_heads (org_id, sequence, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING"
_END = "SELECT sequence, hash FROM audit_heads WHERE org_id = $1"
_HAS = "SELECT EXISTS (SELECT FROM audit_entries WHERE org_id = $1 AND id = $2)"
_APPEND = f"""
    INSERT INTO audit_entries ({_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""  # noqa: S608
_MOVE_END = "UPDATE audit_heads SET sequence = $2, hash = $3 WHERE org_id = $1"
_MEANT = """
    org_id = $1
    AND ($2::uuid IS NULL OR actor = $2)
    AND starts_with(action, $3)
    AND ($4 = '' OR target = $4)
    AND ($5::timestamptz IS NULL OR occurred_at >= $5)
    AND ($6::timestamptz IS NULL OR occurred_at < $6)
"""
_PAGE = f"""
    SELECT {_COLUMNS} FROM audit_entries
    WHERE {_MEANT} AND ($7::bigint IS NULL OR sequence < $7)
    ORDER BY sequence DESC
    LIMIT $8
"""  # noqa: S608
_ALL = f"SELECT {_COLUMNS} FROM audit_entries WHERE {_MEANT} ORDER BY sequence"  # noqa: S608
_KIND = """
    SELECT CASE
        WHEN EXISTS (SELECT FROM api_keys WHERE id = $1) THEN 'api_key'
        WHEN EXISTS (SELECT FROM users WHERE id = $1) THEN 'user'
        ELSE 'system'
    END
"""


@dataclass(frozen=True, slots=True)
class PostgresAuditTrail:
    """The tables `audit_entries` and `audit_heads`."""

    connection: asyncpg.Connection

    async def end_for_append(self, org_id: UUID) -> Link:
        """The chain's end, locked."""
        await self.connection.execute(_BEGIN, org_id, GENESIS)
        (row,) = await self.connection.fetch(f"{_END} FOR UPDATE", org_id)
        return Link(row["sequence"], row["hash"])

    async def has(self, org_id: UUID, fact_id: UUID) -> bool:
        """Whether the chain holds this fact."""
        found: bool = await self.connection.fetchval(_HAS, org_id, fact_id)
        return found

    async def append(self, entry: Entry) -> None:
        """Add an entry and move the end."""
        fact = entry.fact
        await self.connection.execute(
            _APPEND,
            entry.org_id,
            entry.sequence,
            fact.id,
            fact.occurred_at,
            fact.actor,
            fact.actor_kind.value,
            fact.action,
            fact.target_kind,
            fact.target,
            fact.address,
            fact.request_id,
            canonical(fact.data).decode(),
            entry.hash,
        )
        await self.connection.execute(_MOVE_END, entry.org_id, entry.sequence, entry.hash)

    async def end(self, org_id: UUID) -> Link:
        """The chain's end as it was noted."""
        row = await self.connection.fetchrow(_END, org_id)
        return Link(row["sequence"], row["hash"]) if row else START

    async def page(self, org_id: UUID, wanted: EntryFilter, before: int | None, limit: int) -> Sequence[Entry]:
        """Entries before a sequence, newest first."""
        return [_entry(row) for row in await self.connection.fetch(_PAGE, *_meant(org_id, wanted), before, limit)]

    async def all(self, org_id: UUID, wanted: EntryFilter) -> AsyncIterator[Entry]:
        """All entries by a server-side cursor."""
        async for row in self.connection.cursor(_ALL, *_meant(org_id, wanted), prefetch=PIECE):
            yield _entry(row)

    async def kind_of(self, actor: UUID) -> ActorKind:
        """What sort of somebody this is."""
        return ActorKind(await self.connection.fetchval(_KIND, actor))


def _meant(org_id: UUID, wanted: EntryFilter) -> tuple[object, ...]:
    return org_id, wanted.actor, wanted.action, wanted.target, wanted.since, wanted.until


def _entry(row: asyncpg.Record) -> Entry:
    fact = Fact(
        id=row["id"],
        occurred_at=row["occurred_at"],
        actor=row["actor"],
        actor_kind=ActorKind(row["actor_kind"]),
        action=row["action"],
        target=row["target"],
        address=row["address"],
        request_id=row["request_id"],
        data=json.loads(row["data"]),
    )
    return Entry(row["org_id"], row["sequence"], fact, row["hash"])
