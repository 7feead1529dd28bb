"""Datasets, runs and comparisons."""

from __future__ import annotations

from typing import Any

import strawberry

from assay.evaluation.v1 import comparisons_pb2, datasets_pb2, runs_pb2
from assay_gateway.entrypoints.graphql.connections import (
    DEFAULT_FIRST,
    After,
    Connection,
    First,
    connection,
    page_arguments,
)
from assay_gateway.entrypoints.graphql.context import Info
from assay_gateway.entrypoints.graphql.prompts import IdOrName, Prompt, Version
from assay_gateway.entrypoints.graphql.scalars import JSON, BigInt, DateTime, RunStatus, Verdict, Visibility
from assay_gateway.messages import to_json

Root = strawberry.Parent[Any]


@strawberry.type(description="A named dataset.")
class Dataset:
    id: strawberry.ID
    name: str
    description: str
    visibility: Visibility
    latest_version: int
    item_count: int
    created_at: DateTime
    updated_at: DateTime


@strawberry.type(description="One evaluator of a run.")
class Evaluator:
    name: str
    kind: str
    config: JSON | None


@strawberry.type(description="How far a run is, in items.")
class RunProgress:
    total: int
    measured: int
    unmeasured: int


@strawberry.type(description="The mean score of an evaluator.")
class EvaluatorSummary:
    evaluator: str
    mean_score: float | None
    measured: int
    passed: int | None


@strawberry.type(description="What a run used.")
class RunTotals:
    input_tokens: BigInt
    output_tokens: BigInt
    cost_usd: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None


@strawberry.type(description="A run of one prompt version over one dataset version.")
class Run:
    id: strawberry.ID
    prompt_name: str
    prompt_version: int
    dataset_name: str
    dataset_version: int
    model: str
    evaluators: list[Evaluator]
    status: RunStatus
    progress: RunProgress
    summaries: list[EvaluatorSummary]
    totals: RunTotals | None
    created_at: DateTime
    finished_at: DateTime | None
    created_by: strawberry.ID

    @strawberry.field(description="The prompt; null when the caller may not see it.")
    async def prompt(parent: Root, info: Info) -> Prompt | None:
        """By the loader."""
        return await info.context.loaders.prompts.load(parent["prompt_id"])  # type: ignore[return-value]

    @strawberry.field(description="The version that ran; null when the caller may not see it.")
    async def version(parent: Root, info: Info) -> Version | None:
        """By the loader."""
        return await info.context.loaders.versions.load((parent["prompt_id"], parent["prompt_version"]))  # type: ignore[return-value]

    @strawberry.field(description="The dataset; null when the caller may not see it.")
    async def dataset(parent: Root, info: Info) -> Dataset | None:
        """By the loader."""
        return await info.context.loaders.datasets.load(parent["dataset_id"])  # type: ignore[return-value]


@strawberry.type(description="What one evaluator said of one answer.")
class Score:
    evaluator: str
    score: float | None
    passed: bool | None
    unmeasured_reason: str


@strawberry.type(description="What came of one item.")
class ItemResult:
    item_id: strawberry.ID
    index: int
    output: str | None
    scores: list[Score]
    unmeasured_reason: str
    latency_ms: float | None
    input_tokens: BigInt
    output_tokens: BigInt
    cost_usd: float | None


@strawberry.type(description="One evaluator's scores in both runs.")
class EvaluatorComparison:
    evaluator: str
    paired_items: int
    baseline_mean: float | None
    candidate_mean: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    mcnemar_p: float | None
    wins: int
    losses: int
    ties: int
    verdict: Verdict | None


@strawberry.type(description="One measured quantity in both runs.")
class MetricComparison:
    metric: str
    baseline_mean: float | None
    candidate_mean: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None


@strawberry.type(description="Two runs, measured against each other.")
class Comparison:
    id: strawberry.ID
    baseline_version: int
    candidate_version: int
    paired_items: int
    unpaired_items: int
    evaluators: list[EvaluatorComparison]
    metrics: list[MetricComparison]
    primary_evaluator: str
    verdict: Verdict | None
    reason: str
    created_at: DateTime

    @strawberry.field(description="The run that is there already; null when the caller may not see it.")
    async def baseline(parent: Root, info: Info) -> Run | None:
        """By the loader."""
        return await info.context.loaders.runs.load(parent["baseline_run_id"])  # type: ignore[return-value]

    @strawberry.field(description="The run that wants to take its place; null when the caller may not see it.")
    async def candidate(parent: Root, info: Info) -> Run | None:
        """By the loader."""
        return await info.context.loaders.runs.load(parent["candidate_run_id"])  # type: ignore[return-value]


@strawberry.type
class EvaluationQueries:
    @strawberry.field(description="One dataset.")
    async def dataset(self, info: Info, dataset: IdOrName) -> Dataset:
        """By the evaluation service."""
        request = datasets_pb2.GetDatasetRequest(dataset=dataset)
        return to_json(await info.context.services.datasets.GetDataset(request))  # type: ignore[return-value]

    @strawberry.field(description="The organisation's datasets, newest first.")
    async def datasets(self, info: Info, first: First = DEFAULT_FIRST, after: After = None) -> Connection[Dataset]:
        """By the evaluation service."""
        request = datasets_pb2.ListDatasetsRequest(**page_arguments(first, after))
        found = await info.context.services.datasets.ListDatasets(request)
        return connection(found.datasets, found.next_page_token)  # type: ignore[no-any-return]

    @strawberry.field(description="One run.")
    async def run(self, info: Info, id: strawberry.ID) -> Run:  # noqa: A002
        """By the evaluation service."""
        return to_json(await info.context.services.runs.GetRun(runs_pb2.GetRunRequest(id=id)))  # type: ignore[return-value]

    @strawberry.field(description="The organisation's runs, newest first; of one prompt if given.")
    async def runs(
        self, info: Info, prompt: IdOrName = "", first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Run]:
        """By the evaluation service."""
        request = runs_pb2.ListRunsRequest(prompt=prompt, **page_arguments(first, after))
        found = await info.context.services.runs.ListRuns(request)
        return connection(found.runs, found.next_page_token)  # type: ignore[no-any-return]

    @strawberry.field(description="The results of a run, in the dataset's order.")
    async def run_results(
        self, info: Info, run: strawberry.ID, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[ItemResult]:
        """By the evaluation service."""
        request = runs_pb2.ListResultsRequest(run_id=run, **page_arguments(first, after))
        found = await info.context.services.runs.ListResults(request)
        return connection(found.results, found.next_page_token)  # type: ignore[no-any-return]

    @strawberry.field(description="One comparison.")
    async def comparison(self, info: Info, id: strawberry.ID) -> Comparison:  # noqa: A002
        """By the evaluation service."""
        request = comparisons_pb2.GetComparisonRequest(id=id)
        return to_json(await info.context.services.comparisons.GetComparison(request))  # type: ignore[return-value]
