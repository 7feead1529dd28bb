"""Runs, their items and their results on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_common.identity import Principal
from assay_common.postgres.visible import Visible
from assay_evaluation.adapters.postgres.rows import (
    messages_from,
    messages_to,
    parameters_to,
    result_from,
    run_from,
    scores_from,
    scores_to,
)
from assay_evaluation.domain.comparison import Measured, Pair
from assay_evaluation.domain.errors import RunNotFound
from assay_evaluation.domain.names import as_id
from assay_evaluation.domain.runs import (
    Batch,
    ItemResult,
    PendingItem,
    Run,
    RunItem,
    StoredResult,
    Summary,
    Usage,
)

_RUNS = """
    SELECT runs.*,
        (SELECT jsonb_agg(jsonb_build_object('name', name, 'kind', kind, 'config', config, 'measured', measured,
                                             'passed', passed, 'score_sum', score_sum) ORDER BY place)
         FROM run_evaluators WHERE run_id = runs.id) AS evaluators
    FROM runs
"""
_PAGE = f"""
    {_RUNS}
    WHERE ({Visible.condition("runs")}) AND ($6::uuid IS NULL OR id < $6)
      AND ($7::text[] IS NULL OR prompt_id::text = ANY ($7) OR prompt_name = ANY ($7))
      AND {{of_prompt}}
    ORDER BY id DESC
    LIMIT $8
"""
_ADD = """
    INSERT INTO runs (id, org_id, prompt_id, prompt_name, prompt_version, dataset_id, dataset_name, dataset_version,
                      model, parameters, status, total, measured, unmeasured, input_tokens, output_tokens, created_at,
                      created_by, visibility)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, 0, $13, $14, $15)
"""
_ADD_EVALUATORS = """
    INSERT INTO run_evaluators (org_id, run_id, place, name, kind, config)
    SELECT $1, $2, place, name, kind, config
    FROM unnest($3::text[], $4::text[], $5::jsonb[]) WITH ORDINALITY AS new (name, kind, config, place)
"""
_ADD_ITEMS = """
    INSERT INTO run_items (org_id, run_id, index, messages, item_id, expected)
    SELECT $1, $2, index, messages::jsonb, item_id, expected
    FROM unnest($3::int[], $4::text[], $5::uuid[], $6::text[]) AS new (index, messages, item_id, expected)
"""
# A run keeps what it needs of the dataset's items, for the dataset may be another organisation's, and no longer public.
# Runs of before migration 0002 do not: for them the items themselves are looked at, which are their own organisation's.
_PENDING = """
    SELECT run_items.index, messages, coalesce(run_items.expected, dataset_items.expected) AS expected
    FROM run_items
    LEFT JOIN dataset_items
      ON dataset_items.dataset_id = $3 AND dataset_items.version = $4 AND dataset_items.index = run_items.index
    WHERE run_id = $1 AND run_items.index = ANY($2::int[])
      AND NOT EXISTS (SELECT FROM results WHERE results.run_id = $1 AND results.index = run_items.index)
    ORDER BY run_items.index
"""
_WAITING = """
    SELECT index FROM run_items
    WHERE run_id = $1 AND index = ANY($2::int[])
      AND NOT EXISTS (SELECT FROM results WHERE results.run_id = $1 AND results.index = run_items.index)
    ORDER BY index
"""
_ADD_RESULTS = """
    INSERT INTO results (org_id, run_id, index, output, scores, unmeasured_reason, latency_ms, input_tokens,
                         output_tokens, cost_usd, attempts, completed_at)
    SELECT $1, $2, index, output, scores::jsonb, unmeasured_reason, latency_ms, input_tokens, output_tokens, cost_usd,
           attempts, completed_at
    FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::bigint[], $9::bigint[], $10::float8[],
                $11::int[], $12::timestamptz[])
         AS new (index, output, scores, unmeasured_reason, latency_ms, input_tokens, output_tokens, cost_usd, attempts,
                 completed_at)
    ON CONFLICT (run_id, index) DO NOTHING
    RETURNING index
"""
_ADVANCE = """
    UPDATE runs SET
        measured = measured + $2,
        unmeasured = unmeasured + $3,
        input_tokens = input_tokens + $4,
        output_tokens = output_tokens + $5,
        cost_usd = CASE WHEN $6::float8 IS NULL THEN cost_usd ELSE coalesce(cost_usd, 0) + $6 END,
        status = CASE WHEN measured + unmeasured + $2 + $3 >= total THEN 'completed' ELSE 'running' END,
        finished_at = CASE WHEN measured + unmeasured + $2 + $3 >= total THEN $7::timestamptz END
    WHERE id = $1 AND status IN ('queued', 'running')
"""
_ADD_SCORES = """
    UPDATE run_evaluators SET
        measured = run_evaluators.measured + new.measured,
        passed = run_evaluators.passed + new.passed,
        score_sum = run_evaluators.score_sum + new.score_sum
    FROM unnest($2::text[], $3::int[], $4::int[], $5::float8[]) AS new (name, measured, passed, score_sum)
    WHERE run_id = $1 AND run_evaluators.name = new.name
"""
_MEASURE_LATENCY = """
    UPDATE runs SET (latency_p50_ms, latency_p95_ms) = (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms),
               percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms)
        FROM results WHERE run_id = $1 AND output IS NOT NULL)
    WHERE id = $1 AND finished_at IS NOT NULL
"""
_RESULTS = """
    SELECT results.*, coalesce(run_items.item_id, dataset_items.id) AS item_id
    FROM results
    JOIN run_items USING (run_id, index)
    LEFT JOIN dataset_items
      ON dataset_items.dataset_id = $3 AND dataset_items.version = $4 AND dataset_items.index = results.index
    WHERE results.run_id = $1 AND results.index > $2
    ORDER BY results.index
    LIMIT $5
"""
_PAIRS = """
    SELECT one.scores AS one_scores, one.latency_ms AS one_latency_ms, one.input_tokens AS one_input_tokens,
           one.output_tokens AS one_output_tokens, one.cost_usd AS one_cost_usd,
           other.scores AS other_scores, other.latency_ms AS other_latency_ms, other.input_tokens AS other_input_tokens,
           other.output_tokens AS other_output_tokens, other.cost_usd AS other_cost_usd
    FROM results AS one
    JOIN results AS other USING (index)
    WHERE one.run_id = $1 AND other.run_id = $2 AND one.output IS NOT NULL AND other.output IS NOT NULL
    ORDER BY index
"""


class PostgresRuns:
    """The runs of the transaction's organisation."""

    def __init__(self, connection: asyncpg.Connection, org_id: UUID) -> None:
        self._connection = connection
        self._org_id = org_id

    async def add(self, run: Run, items: Sequence[RunItem]) -> None:
        """Store a new run with what will be sent for each item."""
        await self._connection.execute(
            _ADD,
            run.id,
            self._org_id,
            run.prompt_id,
            run.prompt_name,
            run.prompt_version,
            run.dataset_id,
            run.dataset_name,
            run.dataset_version,
            run.model,
            parameters_to(run.parameters),
            run.status.value,
            run.progress.total,
            run.created_at,
            run.created_by,
            run.visibility.value,
        )
        await self._connection.execute(
            _ADD_EVALUATORS,
            self._org_id,
            run.id,
            [evaluator.name for evaluator in run.evaluators],
            [evaluator.kind.value for evaluator in run.evaluators],
            [evaluator.config for evaluator in run.evaluators],
        )
        await self._connection.execute(
            _ADD_ITEMS,
            self._org_id,
            run.id,
            [item.index for item in items],
            [messages_to(item.messages) for item in items],
            [item.item_id for item in items],
            [item.expected for item in items],
        )

    async def get(self, run_id: UUID, *, for_update: bool = False) -> Run:
        """One run. Raises RunNotFound."""
        if for_update:
            # Locked first and read after: a read of before the lock would miss what its holder just wrote.
            await self._connection.execute("SELECT FROM runs WHERE id = $1 FOR UPDATE", run_id)
        row = await self._connection.fetchrow(f"{_RUNS} WHERE id = $1", run_id)
        if row is None:
            raise RunNotFound.of(run_id)
        return run_from(row)

    async def some(self, ids: Sequence[UUID]) -> Sequence[Run]:
        """Those of these runs that there are, by one query."""
        return [run_from(row) for row in await self._connection.fetch(f"{_RUNS} WHERE id = ANY ($1::uuid[])", ids)]

    async def page(self, caller: Principal, *, prompt: str, after: UUID | None, limit: int) -> Sequence[Run]:
        """Runs that the caller may see, newest first, of one prompt (id or name) or of all (empty), beginning after
        the id given.
        """
        prompt_id = as_id(prompt)
        of_prompt = "true" if not prompt else "prompt_name = $9::text" if prompt_id is None else "prompt_id = $9::uuid"
        rows = await self._connection.fetch(
            _PAGE.format(of_prompt=of_prompt),
            *Visible.to(caller).values,
            after,
            None if caller.prompts is None else list(caller.prompts),
            limit,
            *([prompt_id or prompt] if prompt else []),
        )
        return [run_from(row) for row in rows]

    async def start(self, run: Run) -> None:
        """Say that a queued run is running; a run further on stays as it is."""
        start = "UPDATE runs SET status = 'running' WHERE id = $1 AND status = 'queued'"
        await self._connection.execute(start, run.id)

    async def pending(self, run: Run, indexes: Sequence[int]) -> list[PendingItem]:
        """Those of the items that have no result yet."""
        rows = await self._connection.fetch(_PENDING, run.id, indexes, run.dataset_id, run.dataset_version)
        return [PendingItem(row["index"], messages_from(row["messages"]), row["expected"]) for row in rows]

    async def waiting(self, run: Run, indexes: Sequence[int]) -> list[int]:
        """Those of these indexes whose items have no result yet, whatever else is wrong with them."""
        return [row["index"] for row in await self._connection.fetch(_WAITING, run.id, indexes)]

    async def add_results(self, run: Run, results: Sequence[ItemResult]) -> list[ItemResult]:
        """Store results; the ones that were really new come back, for an item keeps its first result."""
        rows = await self._connection.fetch(
            _ADD_RESULTS,
            self._org_id,
            run.id,
            [result.index for result in results],
            [result.output for result in results],
            [scores_to(result.scores) for result in results],
            [result.unmeasured_reason for result in results],
            [result.usage.latency_ms for result in results],
            [result.usage.input_tokens for result in results],
            [result.usage.output_tokens for result in results],
            [result.usage.cost_usd for result in results],
            [result.attempts for result in results],
            [result.completed_at for result in results],
        )
        new = {row["index"] for row in rows}
        return [result for result in results if result.index in new]

    async def advance(self, run: Run, batch: Batch, summaries: Sequence[Summary], *, at: datetime) -> Run:
        """Add a batch to the run, and complete it if that was the last: decided by the database, once."""
        await self._connection.execute(
            _ADVANCE,
            run.id,
            batch.measured,
            batch.unmeasured,
            batch.usage.input_tokens,
            batch.usage.output_tokens,
            batch.usage.cost_usd,
            at,
        )
        await self._connection.execute(
            _ADD_SCORES,
            run.id,
            [summary.evaluator for summary in summaries],
            [summary.measured for summary in summaries],
            [summary.passed or 0 for summary in summaries],
            [summary.score_sum for summary in summaries],
        )
        await self._connection.execute(_MEASURE_LATENCY, run.id)
        return await self.get(run.id)

    async def cancel(self, run: Run, *, at: datetime) -> Run:
        """Make a run cancelled."""
        cancel = "UPDATE runs SET status = 'cancelled', finished_at = $2 WHERE id = $1"
        await self._connection.execute(cancel, run.id, at)
        await self._connection.execute(_MEASURE_LATENCY, run.id)
        return await self.get(run.id)

    async def results(self, run: Run, *, after: int, limit: int) -> Sequence[StoredResult]:
        """Results in the dataset's order, beginning after the index given."""
        rows = await self._connection.fetch(_RESULTS, run.id, after, run.dataset_id, run.dataset_version, limit)
        return [StoredResult(row["item_id"], result_from(row)) for row in rows]

    async def pairs(self, baseline: Run, candidate: Run) -> list[Pair]:
        """The items measured in both runs, in the dataset's order."""
        rows = await self._connection.fetch(_PAIRS, baseline.id, candidate.id)
        return [Pair(_measured(row, "one"), _measured(row, "other")) for row in rows]


def _measured(row: asyncpg.Record, run: str) -> Measured:
    scores = {score.evaluator: score.value for score in scores_from(row[f"{run}_scores"]) if score.value is not None}
    usage = Usage(
        row[f"{run}_latency_ms"], row[f"{run}_input_tokens"], row[f"{run}_output_tokens"], row[f"{run}_cost_usd"]
    )
    return Measured(scores, usage)
