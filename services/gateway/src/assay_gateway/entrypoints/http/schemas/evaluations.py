"""Datasets, runs, comparisons and gates."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from assay_gateway.entrypoints.http.schemas.base import Body, JsonObject, PageOf, Part, Shown, VersionNumber

EvaluatorKind = Literal["exact_match", "contains", "regex", "json_schema", "token_f1", "embedding_similarity"]
RunStatus = Literal["queued", "running", "completed", "cancelled"]
Verdict = Literal["better", "worse", "no_evidence"]
GatePolicy = Literal["better", "not_worse"]


class Dataset(Shown):
    """A named dataset."""

    id: str
    name: str
    description: str
    latest_version: Annotated[int, Field(description="0 = nothing imported yet.")]
    item_count: Annotated[int, Field(description="Items of the latest version.")]
    created_at: datetime | None
    updated_at: datetime | None


class DatasetPage(PageOf[Dataset]):
    """Datasets of the organisation, newest first."""


class NewDataset(Body):
    """The dataset to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "support-messages"}]})

    name: str
    description: str = ""


class RowError(Shown):
    """Why a row was refused."""

    line: Annotated[int, Field(description="Line of the file, from 1.")]
    message: str


class ImportReport(Shown):
    """What became of a file."""

    dataset_id: str
    version: int
    imported: int
    errors: Annotated[list[RowError], Field(description="At most 100; rejected counts all.")]
    rejected: int


class DatasetItem(Shown):
    """One example."""

    id: str
    index: Annotated[int, Field(description="Position in its version, from 0.")]
    inputs: dict[str, Any] | None
    expected: str | None
    metadata: dict[str, Any] | None


class DatasetItemPage(PageOf[DatasetItem]):
    """Items of a version, in the file's order."""


class Evaluator(Shown):
    """One evaluator of a run."""

    name: str
    kind: EvaluatorKind | None
    config: dict[str, Any] | None


class ModelParameters(Shown):
    """What is sent with every request to the model."""

    max_tokens: int
    temperature: float | None
    seed: int | None
    stop: list[str]


class RunProgress(Shown):
    """How far a run is, in items."""

    total: int
    measured: int
    unmeasured: Annotated[int, Field(description="Items without an answer; never counted as wrong answers.")]


class EvaluatorSummary(Shown):
    """The mean score of an evaluator."""

    evaluator: str
    mean_score: Annotated[float | None, Field(description="Null when nothing was measured.")]
    measured: int
    passed: Annotated[int | None, Field(description="For pass/fail evaluators only.")]


class RunTotals(Shown):
    """What the run used."""

    input_tokens: int
    output_tokens: int
    cost_usd: Annotated[float | None, Field(description="Null when the model's price is unknown.")]
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class Run(Shown):
    """A run of one prompt version over one dataset version."""

    id: str
    prompt_id: str
    prompt_name: str
    prompt_version: int
    dataset_id: str
    dataset_name: str
    dataset_version: int
    model: str
    parameters: ModelParameters | None
    evaluators: list[Evaluator]
    status: RunStatus | None
    progress: RunProgress | None
    summaries: list[EvaluatorSummary]
    totals: RunTotals | None
    created_at: datetime | None
    finished_at: datetime | None
    created_by: str


class RunPage(PageOf[Run]):
    """Runs of the organisation, newest first."""


class NewModelParameters(Part):
    """What is sent with every request to the model."""

    max_tokens: Annotated[int, Field(ge=1, le=2**31 - 1)] = 256
    temperature: float = 0.0
    seed: Annotated[int | None, Field(ge=-(2**53), le=2**53)] = None
    stop: list[str] = Field(default_factory=list)


class NewEvaluator(Part):
    """One evaluator of a run."""

    name: Annotated[str, Field(description="Unique in the run; absent = named after the kind.")] = ""
    kind: EvaluatorKind
    config: JsonObject = Field(default_factory=dict)


class NewRun(Body):
    """The run to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompt": "support-triage",
                    "version": 2,
                    "dataset": "support-messages",
                    "model": "local/smollm2",
                    "parameters": {"max_tokens": 8, "temperature": 0.0},
                    "evaluators": [{"kind": "exact_match"}],
                }
            ]
        }
    )

    prompt: Annotated[str, Field(description="Id or name.")]
    label: str | None = None
    version: VersionNumber | None = None
    dataset: Annotated[str, Field(description="Id or name.")]
    dataset_version: Annotated[VersionNumber | None, Field(description="Absent = the latest.")] = None
    model: Annotated[str, Field(description="A name of the installation's catalogue.")]
    parameters: NewModelParameters | None = None
    evaluators: list[NewEvaluator]

    @model_validator(mode="after")
    def _names_one_version(self) -> NewRun:
        if self.label is not None and self.version is not None:
            raise ValueError("name a label or a version, not both")
        return self


class Score(Shown):
    """What one evaluator said of one answer."""

    evaluator: str
    score: float | None
    passed: bool | None
    unmeasured_reason: str


class ItemResult(Shown):
    """What came of one item."""

    item_id: str
    index: int
    output: Annotated[str | None, Field(description="The model's answer; null when unmeasured.")]
    scores: list[Score]
    unmeasured_reason: str
    latency_ms: float | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    attempts: int
    completed_at: datetime | None


class ItemResultPage(PageOf[ItemResult]):
    """Results of a run, in the dataset's order."""


class Model(Shown):
    """A model that runs can name."""

    name: str
    priced: Annotated[bool, Field(description="Whether cost can be measured.")]


class ModelPage(PageOf[Model]):
    """The catalogue of models, whole."""


class NewComparison(Body):
    """Two completed runs over the same dataset version."""

    baseline_run_id: str
    candidate_run_id: str
    primary_evaluator: Annotated[
        str | None, Field(description="The evaluator that decides; absent = the first of the candidate's run.")
    ] = None


class EvaluatorComparison(Shown):
    """One evaluator's scores in both runs."""

    evaluator: str
    paired_items: int
    baseline_mean: float | None
    candidate_mean: float | None
    difference: Annotated[float | None, Field(description="Candidate minus baseline.")]
    ci_low: Annotated[float | None, Field(description="95 % paired bootstrap interval of the difference.")]
    ci_high: float | None
    mcnemar_p: Annotated[float | None, Field(description="Exact two-sided p; for pass/fail evaluators only.")]
    wins: int
    losses: int
    ties: int
    verdict: Verdict | None


class MetricComparison(Shown):
    """One measured quantity in both runs."""

    metric: Annotated[str, Field(examples=["latency_ms"])]
    baseline_mean: float | None
    candidate_mean: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None


class Comparison(Shown):
    """Two runs, measured against each other."""

    id: str
    baseline_run_id: str
    candidate_run_id: str
    prompt_id: str
    prompt_name: str
    baseline_version: int
    candidate_version: int
    paired_items: int
    unpaired_items: int
    evaluators: list[EvaluatorComparison]
    metrics: list[MetricComparison]
    primary_evaluator: str
    verdict: Verdict | None
    reason: str
    created_at: datetime | None


class GateQuestion(Body):
    """The label to move, and what is asked of the candidate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "production", "policy": "better"}]})

    label: str
    policy: GatePolicy = "better"


class GateDecision(Shown):
    """The gate's answer; a refusal is an answer too."""

    id: str
    comparison_id: str
    prompt_id: str
    label: str
    version: int
    policy: GatePolicy | None
    allowed: bool
    reason: str
    decided_at: datetime | None
    decided_by: str
