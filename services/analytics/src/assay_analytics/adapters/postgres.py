"""Sums on PostgreSQL: every event adds to the rows of its hour by upserts, never by reading first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from assay_analytics.domain.counters import Bucket, Counter, Counts, Increments, ModelUsage
from assay_analytics.domain.span import Granularity, Span
from assay_common.postgres.unit_of_work import TenantTransaction

_COUNT = """
    INSERT INTO counters (org_id, hour, name, value)
    SELECT $1, $2, name, value FROM unnest($3::text[], $4::numeric[]) AS new (name, value) ORDER BY name
    ON CONFLICT (org_id, hour, name) DO UPDATE SET value = counters.value + excluded.value
"""
_COUNT_TYPE = """
    INSERT INTO event_counts (org_id, hour, type, count) VALUES ($1, $2, $3, 1)
    ON CONFLICT (org_id, hour, type) DO UPDATE SET count = event_counts.count + 1
"""
_COUNT_MODEL = """
    INSERT INTO model_usage (org_id, hour, model, items, input_tokens, output_tokens, cost_usd, latency_ms_sum)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (org_id, hour, model) DO UPDATE SET
        items = model_usage.items + excluded.items,
        input_tokens = model_usage.input_tokens + excluded.input_tokens,
        output_tokens = model_usage.output_tokens + excluded.output_tokens,
        cost_usd = model_usage.cost_usd + excluded.cost_usd,
        latency_ms_sum = model_usage.latency_ms_sum + excluded.latency_ms_sum
"""
_TOTALS = "SELECT name, sum(value) AS value FROM counters WHERE hour >= $1 AND hour < $2 GROUP BY name"
_BUCKETS = """
    SELECT start, jsonb_object_agg(name, value::text) AS counts FROM (
        SELECT date_trunc($3, hour, 'UTC') AS start, name, sum(value) AS value
        FROM counters WHERE hour >= $1 AND hour < $2
        GROUP BY start, name
    ) AS sums
    GROUP BY start ORDER BY start
"""
_MODELS = """
    SELECT model, sum(items)::bigint AS items, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(cost_usd) AS cost_usd, sum(latency_ms_sum) AS latency_ms_sum
    FROM model_usage WHERE hour >= $1 AND hour < $2
    GROUP BY model ORDER BY items DESC, model
"""
_EVENT_COUNTS = """
    SELECT type, sum(count)::bigint AS count FROM event_counts WHERE hour >= $1 AND hour < $2
    GROUP BY type ORDER BY type
"""


class PostgresRollUps:
    """The sums of the transaction's organisation."""

    def __init__(self, connection: asyncpg.Connection, org_id: UUID) -> None:
        self._connection = connection
        self._org_id = org_id

    async def add(self, hour: datetime, event_type: str, increments: Increments) -> None:
        """Add what one event brings. Rows are locked in one order everywhere, so that no two events deadlock."""
        await self._connection.execute(_COUNT_TYPE, self._org_id, hour, event_type)
        if increments.counts:
            names, values = zip(*((name.value, value) for name, value in increments.counts.items()), strict=True)
            await self._connection.execute(_COUNT, self._org_id, hour, names, values)
        if increments.model:
            used = increments.model
            await self._connection.execute(
                _COUNT_MODEL,
                self._org_id,
                hour,
                used.model,
                used.items,
                used.input_tokens,
                used.output_tokens,
                used.cost_usd,
                used.latency_ms_sum,
            )

    async def totals(self, span: Span) -> Counts:
        """The sums over the span."""
        rows = await self._connection.fetch(_TOTALS, span.start, span.end)
        return {Counter(row["name"]): row["value"] for row in rows}

    async def models(self, span: Span) -> Sequence[ModelUsage]:
        """The usage of each model over the span, the most used first."""
        return [ModelUsage(**row) for row in await self._connection.fetch(_MODELS, span.start, span.end)]

    async def buckets(self, span: Span, granularity: Granularity) -> Sequence[Bucket]:
        """The sums of each hour or day in which something happened, oldest first."""
        rows = await self._connection.fetch(_BUCKETS, span.start, span.end, granularity.value)
        return [
            Bucket(row["start"], {Counter(name): Decimal(value) for name, value in row["counts"].items()})
            for row in rows
        ]

    async def event_counts(self, span: Span) -> Mapping[str, int]:
        """How many events of each type there were."""
        rows = await self._connection.fetch(_EVENT_COUNTS, span.start, span.end)
        return {row["type"]: row["count"] for row in rows}


class PostgresTransaction:
    """One transaction of one organisation."""

    def __init__(self, tx: TenantTransaction) -> None:
        if tx.org_id is None:
            raise ValueError("usage is read and counted for one organisation")
        self._tx = tx
        self.roll_ups = PostgresRollUps(tx.connection, tx.org_id)

    async def first_delivery(self, consumer: str, event_id: UUID) -> bool:
        """Note that the event was counted; False when it had been before."""
        return await self._tx.first_delivery(consumer, event_id)
