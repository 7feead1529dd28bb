"""Datasets, runs, comparisons and gates."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from assay_gateway.entrypoints.http.schemas.base import Body, JsonObject, PageOf, Part, Shown
from assay_gateway.entrypoints.http.schemas.words import (
    VISIBILITY,
    Description,
    Etag,
    GivenDescription,
    GivenId,
    GivenLabelName,
    GivenReference,
    GivenResourceName,
    Id,
    LabelName,
    ResourceName,
    UserId,
    VersionNumber,
    Visibility,
)

EvaluatorKind = Literal["exact_match", "contains", "regex", "json_schema", "token_f1", "embedding_similarity"]
RunStatus = Literal["queued", "running", "completed", "cancelled"]
Verdict = Literal["better", "worse", "no_evidence"]
GatePolicy = Literal["better", "not_worse"]

DatasetName = Annotated[ResourceName, Field(examples=["support-messages"])]
GivenDatasetName = Annotated[GivenResourceName, Field(examples=["support-messages"])]
GivenDataset = Annotated[GivenReference, Field(examples=["support-messages"])]
ModelName = Annotated[str, Field(examples=["local/smollm2"])]
EvaluatorName = Annotated[str, Field(examples=["exact_match"])]
Score01 = Annotated[float | None, Field(examples=[0.69])]
Dollars = Annotated[float | None, Field(examples=[0.0012])]
Milliseconds = Annotated[float | None, Field(examples=[412.5])]
Inputs = Annotated[dict[str, Any] | None, Field(examples=[{"message": "My card was charged twice"}])]
Unmeasured = Annotated[str, Field(description="Empty when it was measured.", examples=[""])]


class Dataset(Shown):
    """A named dataset."""

    id: Id
    name: DatasetName
    description: Annotated[Description, Field(examples=["Messages to the support desk"])]
    latest_version: Annotated[int, Field(description="0 = nothing imported yet.")]
    item_count: Annotated[int, Field(description="Items of the latest version.", examples=[48])]
    created_at: datetime | None
    updated_at: datetime | None
    visibility: Annotated[Visibility | None, Field(description=VISIBILITY, examples=["organisation"])]
    etag: Etag
    created_by: UserId
    organisation_id: Annotated[Id, Field(description="Not the caller's when the dataset is another's and public.")]


class DatasetPage(PageOf[Dataset]):
    """Datasets of the organisation, newest first."""


class NewDataset(Body):
    """The dataset to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "support-messages"}]})

    name: GivenDatasetName
    description: GivenDescription = ""
    visibility: Annotated[Visibility | None, Field(description=f"{VISIBILITY} Absent = the organisation.")] = None


class DatasetChange(Body):
    """What shall change; what is absent stays."""

    description: Annotated[GivenDescription | None, Field(examples=["Messages to the support desk"])] = None
    visibility: Annotated[Visibility | None, Field(description=VISIBILITY)] = None


class RowError(Shown):
    """Why a row was refused."""

    line: Annotated[int, Field(description="Line of the file, from 1.", examples=[12])]
    message: Annotated[str, Field(examples=["is no JSON object"])]


class ImportReport(Shown):
    """What became of a file."""

    dataset_id: Id
    version: int
    imported: Annotated[int, Field(examples=[47])]
    errors: Annotated[list[RowError], Field(description="At most 100; rejected counts all.")]
    rejected: Annotated[int, Field(examples=[1])]


class DatasetItem(Shown):
    """One example."""

    id: Id
    index: Annotated[int, Field(description="Position in its version, from 0.", examples=[0])]
    inputs: Inputs
    expected: Annotated[str | None, Field(examples=["billing"])]
    metadata: Annotated[dict[str, Any] | None, Field(examples=[{"language": "en"}])]


class DatasetItemPage(PageOf[DatasetItem]):
    """Items of a version, in the file's order."""


class Evaluator(Shown):
    """One evaluator of a run."""

    name: EvaluatorName
    kind: EvaluatorKind | None
    config: Annotated[dict[str, Any] | None, Field(examples=[{"ignore_case": True}])]


class ModelParameters(Shown):
    """What is sent with every request to the model."""

    max_tokens: Annotated[int, Field(examples=[8])]
    temperature: Annotated[float | None, Field(examples=[0.0])]
    seed: Annotated[int | None, Field(examples=[7])]
    stop: Annotated[list[str], Field(examples=[["\n"]])]


class RunProgress(Shown):
    """How far a run is, in items."""

    total: Annotated[int, Field(examples=[48])]
    measured: Annotated[int, Field(examples=[48])]
    unmeasured: Annotated[
        int, Field(description="Items without an answer; never counted as wrong answers.", examples=[0])
    ]


class EvaluatorSummary(Shown):
    """The mean score of an evaluator."""

    evaluator: EvaluatorName
    mean_score: Annotated[float | None, Field(description="Null when nothing was measured.", examples=[0.6875])]
    measured: Annotated[int, Field(examples=[48])]
    passed: Annotated[int | None, Field(description="For pass/fail evaluators only.", examples=[33])]


class RunTotals(Shown):
    """What the run used."""

    input_tokens: Annotated[int, Field(examples=[5_120])]
    output_tokens: Annotated[int, Field(examples=[96])]
    cost_usd: Annotated[Dollars, Field(description="Null when the model's price is unknown.")]
    latency_p50_ms: Milliseconds
    latency_p95_ms: Annotated[Milliseconds, Field(examples=[630.0])]


class Run(Shown):
    """A run of one prompt version over one dataset version."""

    id: Id
    prompt_id: Id
    prompt_name: ResourceName
    prompt_version: int
    dataset_id: Id
    dataset_name: DatasetName
    dataset_version: Annotated[int, Field(examples=[1])]
    model: ModelName
    parameters: ModelParameters | None
    evaluators: list[Evaluator]
    status: Annotated[RunStatus | None, Field(examples=["completed"])]
    progress: RunProgress | None
    summaries: list[EvaluatorSummary]
    totals: RunTotals | None
    created_at: datetime | None
    finished_at: datetime | None
    created_by: UserId
    visibility: Annotated[
        Visibility | None,
        Field(
            description="Private when its prompt or its dataset was private when it was created.",
            examples=["organisation"],
        ),
    ]


class RunPage(PageOf[Run]):
    """Runs of the organisation, newest first."""


class NewModelParameters(Part):
    """What is sent with every request to the model."""

    max_tokens: Annotated[int, Field(ge=1, le=32_768, examples=[8])] = 256
    temperature: Annotated[float, Field(ge=0, le=2, examples=[0.0])] = 0.0
    seed: Annotated[int | None, Field(ge=-(2**53), le=2**53, examples=[7])] = None
    stop: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=4, examples=[["\n"]])
    ] = Field(default_factory=list)


class NewEvaluator(Part):
    """One evaluator of a run."""

    name: Annotated[str, Field(max_length=100, description="Unique in the run; absent = named after the kind.")] = ""
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

    prompt: GivenReference
    label: GivenLabelName | None = None
    version: VersionNumber | None = None
    dataset: GivenDataset
    dataset_version: Annotated[VersionNumber | None, Field(description="Absent = the latest.")] = None
    model: Annotated[
        ModelName, Field(min_length=1, max_length=200, description="A name of the installation's catalogue.")
    ]
    parameters: NewModelParameters | None = None
    evaluators: Annotated[list[NewEvaluator], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _names_one_version(self) -> NewRun:
        if self.label is not None and self.version is not None:
            raise ValueError("name a label or a version, not both")
        return self


class Score(Shown):
    """What one evaluator said of one answer."""

    evaluator: EvaluatorName
    score: Annotated[float | None, Field(examples=[1.0])]
    passed: bool | None
    unmeasured_reason: Unmeasured


class ItemResult(Shown):
    """What came of one item."""

    item_id: Id
    index: Annotated[int, Field(examples=[0])]
    output: Annotated[str | None, Field(description="The model's answer; null when unmeasured.", examples=["billing"])]
    scores: list[Score]
    unmeasured_reason: Unmeasured
    latency_ms: Milliseconds
    input_tokens: Annotated[int, Field(examples=[107])]
    output_tokens: int
    cost_usd: Dollars
    attempts: Annotated[int, Field(examples=[1])]
    completed_at: datetime | None


class ItemResultPage(PageOf[ItemResult]):
    """Results of a run, in the dataset's order."""


class Model(Shown):
    """A model that runs can name."""

    name: ModelName
    priced: Annotated[bool, Field(description="Whether cost can be measured.")]


class ModelPage(PageOf[Model]):
    """The catalogue of models, whole."""


class NewComparison(Body):
    """Two completed runs over the same dataset version."""

    baseline_run_id: GivenId
    candidate_run_id: GivenId
    primary_evaluator: Annotated[
        EvaluatorName | None,
        Field(max_length=100, description="The evaluator that decides; absent = the first of the candidate's run."),
    ] = None


class EvaluatorComparison(Shown):
    """One evaluator's scores in both runs."""

    evaluator: EvaluatorName
    paired_items: Annotated[int, Field(examples=[48])]
    baseline_mean: Annotated[Score01, Field(examples=[0.29])]
    candidate_mean: Score01
    difference: Annotated[float | None, Field(description="Candidate minus baseline.", examples=[0.4])]
    ci_low: Annotated[
        float | None, Field(description="95 % paired bootstrap interval of the difference.", examples=[0.23])
    ]
    ci_high: Annotated[float | None, Field(examples=[0.56])]
    mcnemar_p: Annotated[
        float | None, Field(description="Exact two-sided p; for pass/fail evaluators only.", examples=[0.000066])
    ]
    wins: Annotated[int, Field(examples=[21])]
    losses: Annotated[int, Field(examples=[2])]
    ties: Annotated[int, Field(examples=[25])]
    verdict: Verdict | None


class MetricComparison(Shown):
    """One measured quantity in both runs."""

    metric: Annotated[str, Field(examples=["latency_ms"])]
    baseline_mean: Milliseconds
    candidate_mean: Annotated[Milliseconds, Field(examples=[405.0])]
    difference: Annotated[Milliseconds, Field(examples=[-7.5])]
    ci_low: Annotated[Milliseconds, Field(examples=[-20.0])]
    ci_high: Annotated[Milliseconds, Field(examples=[5.0])]


class Comparison(Shown):
    """Two runs, measured against each other."""

    id: Id
    baseline_run_id: Id
    candidate_run_id: Id
    prompt_id: Id
    prompt_name: ResourceName
    baseline_version: Annotated[int, Field(examples=[1])]
    candidate_version: int
    paired_items: Annotated[int, Field(examples=[48])]
    unpaired_items: Annotated[int, Field(examples=[0])]
    evaluators: list[EvaluatorComparison]
    metrics: list[MetricComparison]
    primary_evaluator: EvaluatorName
    verdict: Verdict | None
    reason: Annotated[str, Field(examples=["exact_match: +0.40 [+0.23, +0.56], p = 6.6e-05"])]
    created_at: datetime | None


class GateQuestion(Body):
    """The label to move, and what is asked of the candidate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "production", "policy": "better"}]})

    label: GivenLabelName
    policy: GatePolicy = "better"


class GateDecision(Shown):
    """The gate's answer; a refusal is an answer too."""

    id: Id
    comparison_id: Id
    prompt_id: Id
    label: LabelName
    version: int
    policy: GatePolicy | None
    allowed: bool
    reason: Annotated[str, Field(examples=["the candidate is better"])]
    decided_at: datetime | None
    decided_by: UserId
