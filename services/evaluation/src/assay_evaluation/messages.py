"""What the domain knows, as the messages of the contract: for answers and for events alike."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message

from assay.evaluation.v1 import comparisons_pb2, datasets_pb2, events_pb2, runs_pb2, tasks_pb2
from assay.type.v1 import visibility_pb2
from assay_common.visibility import Visibility
from assay_evaluation.application.import_items import ImportReport
from assay_evaluation.application.ports import CatalogueModel
from assay_evaluation.domain import events
from assay_evaluation.domain.comparison import Comparison, EvaluatorComparison, MetricComparison, Verdict
from assay_evaluation.domain.datasets import Dataset, DatasetItem
from assay_evaluation.domain.evaluators import Evaluator, EvaluatorKind, Score
from assay_evaluation.domain.gate import GateDecision, Policy
from assay_evaluation.domain.runs import Progress, Run, RunStatus, StoredResult, Summary, Totals

KINDS: Final = {
    EvaluatorKind.EXACT_MATCH: runs_pb2.EVALUATOR_KIND_EXACT_MATCH,
    EvaluatorKind.CONTAINS: runs_pb2.EVALUATOR_KIND_CONTAINS,
    EvaluatorKind.REGEX: runs_pb2.EVALUATOR_KIND_REGEX,
    EvaluatorKind.JSON_SCHEMA: runs_pb2.EVALUATOR_KIND_JSON_SCHEMA,
    EvaluatorKind.TOKEN_F1: runs_pb2.EVALUATOR_KIND_TOKEN_F1,
    EvaluatorKind.EMBEDDING_SIMILARITY: runs_pb2.EVALUATOR_KIND_EMBEDDING_SIMILARITY,
}
STATUSES: Final = {
    RunStatus.QUEUED: runs_pb2.RUN_STATUS_QUEUED,
    RunStatus.RUNNING: runs_pb2.RUN_STATUS_RUNNING,
    RunStatus.COMPLETED: runs_pb2.RUN_STATUS_COMPLETED,
    RunStatus.CANCELLED: runs_pb2.RUN_STATUS_CANCELLED,
}
VERDICTS: Final = {
    Verdict.BETTER: comparisons_pb2.VERDICT_BETTER,
    Verdict.WORSE: comparisons_pb2.VERDICT_WORSE,
    Verdict.NO_EVIDENCE: comparisons_pb2.VERDICT_NO_EVIDENCE,
}
POLICIES: Final = {
    Policy.BETTER: comparisons_pb2.GATE_POLICY_BETTER,
    Policy.NOT_WORSE: comparisons_pb2.GATE_POLICY_NOT_WORSE,
}
VISIBILITIES: Final = {
    Visibility.PRIVATE: visibility_pb2.VISIBILITY_PRIVATE,
    Visibility.ORGANISATION: visibility_pb2.VISIBILITY_ORGANISATION,
    Visibility.PUBLIC: visibility_pb2.VISIBILITY_PUBLIC,
}
_VISIBILITIES: Final = {number: visibility for visibility, number in VISIBILITIES.items()}


def visibility_from(number: visibility_pb2.Visibility.ValueType) -> Visibility | None:
    """The visibility that a message names; None where it names none."""
    return _VISIBILITIES.get(number)


def event_message(event: events.Event) -> Message:  # noqa: PLR0911 - one case an event
    """The message that announces an event or a task."""
    match event:
        case events.DatasetCreated(dataset):
            return events_pb2.DatasetCreated(dataset_id=str(dataset.id), name=dataset.name)
        case events.DatasetUpdated(dataset):
            return events_pb2.DatasetUpdated(
                dataset_id=str(dataset.id),
                description=dataset.description,
                visibility=VISIBILITIES[dataset.visibility],
            )
        case events.DatasetImported(dataset):
            return events_pb2.DatasetImported(
                dataset_id=str(dataset.id),
                name=dataset.name,
                version=dataset.latest_version,
                item_count=dataset.item_count,
            )
        case events.RunCreated(run):
            return events_pb2.RunCreated(run=run_message(run))
        case events.ItemsMeasured():
            return _items_measured(event)
        case events.RunCompleted(run):
            return events_pb2.RunCompleted(run=run_message(run))
        case events.RunCancelled(run):
            return events_pb2.RunCancelled(run=run_message(run))
        case events.ComparisonCreated(comparison):
            return events_pb2.ComparisonCreated(comparison=comparison_message(comparison))
        case events.GateDecided(decision):
            return events_pb2.GateDecided(decision=decision_message(decision))
        case events.EvaluateItems():
            return tasks_pb2.EvaluateItems(run_id=str(event.run_id), indexes=event.indexes)


def _items_measured(event: events.ItemsMeasured) -> events_pb2.ItemsMeasured:
    usage = event.batch.usage
    return events_pb2.ItemsMeasured(
        run_id=str(event.run_id),
        prompt_id=str(event.prompt_id),
        model=event.model,
        measured=event.batch.measured,
        unmeasured=event.batch.unmeasured,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        latency_ms_sum=usage.latency_ms,
        progress=_progress(event.progress),
    )


def dataset_message(dataset: Dataset) -> datasets_pb2.Dataset:
    """A dataset as the contract's message."""
    message = datasets_pb2.Dataset(
        id=str(dataset.id),
        name=dataset.name,
        description=dataset.description,
        latest_version=dataset.latest_version,
        item_count=dataset.item_count,
        visibility=VISIBILITIES[dataset.visibility],
        etag=dataset.etag,
        created_by=str(dataset.created_by),
        organisation_id=str(dataset.org_id),
    )
    message.created_at.FromDatetime(dataset.created_at)
    message.updated_at.FromDatetime(dataset.updated_at)
    return message


def item_message(item: DatasetItem) -> datasets_pb2.DatasetItem:
    """An item as the contract's message."""
    message = datasets_pb2.DatasetItem(id=str(item.id), index=item.index, expected=item.expected)
    message.inputs.update(dict(item.inputs))
    message.metadata.update(dict(item.metadata))
    return message


def report_message(report: ImportReport) -> datasets_pb2.ImportReport:
    """A report as the contract's message."""
    return datasets_pb2.ImportReport(
        dataset_id=str(report.dataset_id),
        version=report.version,
        imported=report.imported,
        errors=[datasets_pb2.RowError(line=error.line, message=error.message) for error in report.errors],
        rejected=report.rejected,
    )


def run_message(run: Run) -> runs_pb2.Run:
    """A run as the contract's message."""
    message = runs_pb2.Run(
        id=str(run.id),
        prompt_id=str(run.prompt_id),
        prompt_name=run.prompt_name,
        prompt_version=run.prompt_version,
        dataset_id=str(run.dataset_id),
        dataset_name=run.dataset_name,
        dataset_version=run.dataset_version,
        model=run.model,
        parameters=runs_pb2.ModelParameters(
            max_tokens=run.parameters.max_tokens,
            temperature=run.parameters.temperature,
            seed=run.parameters.seed,
            stop=run.parameters.stop,
        ),
        evaluators=map(_evaluator, run.evaluators),
        status=STATUSES[run.status],
        progress=_progress(run.progress),
        summaries=map(_summary, run.summaries),
        totals=_totals(run.totals),
        created_by=str(run.created_by),
        visibility=VISIBILITIES[run.visibility],
    )
    message.created_at.FromDatetime(run.created_at)
    if run.finished_at is not None:
        message.finished_at.FromDatetime(run.finished_at)
    return message


def _evaluator(evaluator: Evaluator) -> runs_pb2.Evaluator:
    message = runs_pb2.Evaluator(name=evaluator.name, kind=KINDS[evaluator.kind])
    message.config.update(dict(evaluator.config))
    return message


def _progress(progress: Progress) -> runs_pb2.RunProgress:
    return runs_pb2.RunProgress(total=progress.total, measured=progress.measured, unmeasured=progress.unmeasured)


def _summary(summary: Summary) -> runs_pb2.EvaluatorSummary:
    return runs_pb2.EvaluatorSummary(
        evaluator=summary.evaluator,
        mean_score=summary.mean_score,
        measured=summary.measured,
        passed=summary.passed,
    )


def _totals(totals: Totals) -> runs_pb2.RunTotals:
    return runs_pb2.RunTotals(
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        cost_usd=totals.cost_usd,
        latency_p50_ms=totals.latency_p50_ms,
        latency_p95_ms=totals.latency_p95_ms,
    )


def result_message(stored: StoredResult) -> runs_pb2.ItemResult:
    """A result as the contract's message."""
    result = stored.result
    message = runs_pb2.ItemResult(
        item_id=str(stored.item_id),
        index=result.index,
        output=result.output,
        scores=map(_score, result.scores),
        unmeasured_reason=result.unmeasured_reason,
        latency_ms=result.usage.latency_ms,
        input_tokens=result.usage.input_tokens,
        output_tokens=result.usage.output_tokens,
        cost_usd=result.usage.cost_usd,
        attempts=result.attempts,
    )
    message.completed_at.FromDatetime(result.completed_at)
    return message


def _score(score: Score) -> runs_pb2.Score:
    return runs_pb2.Score(
        evaluator=score.evaluator,
        score=score.value,
        passed=score.passed,
        unmeasured_reason=score.unmeasured_reason,
    )


def model_message(model: CatalogueModel) -> runs_pb2.Model:
    """A model of the catalogue as the contract's message."""
    return runs_pb2.Model(name=model.name, priced=model.priced)


def comparison_message(comparison: Comparison) -> comparisons_pb2.Comparison:
    """A comparison as the contract's message."""
    message = comparisons_pb2.Comparison(
        id=str(comparison.id),
        baseline_run_id=str(comparison.baseline_run_id),
        candidate_run_id=str(comparison.candidate_run_id),
        prompt_id=str(comparison.prompt_id),
        prompt_name=comparison.prompt_name,
        baseline_version=comparison.baseline_version,
        candidate_version=comparison.candidate_version,
        paired_items=comparison.paired_items,
        unpaired_items=comparison.unpaired_items,
        evaluators=map(_evaluator_comparison, comparison.evaluators),
        metrics=map(_metric_comparison, comparison.metrics),
        primary_evaluator=comparison.primary_evaluator,
        verdict=VERDICTS[comparison.verdict],
        reason=comparison.reason,
    )
    message.created_at.FromDatetime(comparison.created_at)
    return message


def _evaluator_comparison(one: EvaluatorComparison) -> comparisons_pb2.EvaluatorComparison:
    return comparisons_pb2.EvaluatorComparison(
        evaluator=one.evaluator,
        paired_items=one.paired_items,
        baseline_mean=one.baseline_mean,
        candidate_mean=one.candidate_mean,
        difference=one.difference,
        ci_low=one.ci_low,
        ci_high=one.ci_high,
        mcnemar_p=one.mcnemar_p,
        wins=one.wins,
        losses=one.losses,
        ties=one.ties,
        verdict=VERDICTS[one.verdict],
    )


def _metric_comparison(one: MetricComparison) -> comparisons_pb2.MetricComparison:
    return comparisons_pb2.MetricComparison(
        metric=one.metric,
        baseline_mean=one.baseline_mean,
        candidate_mean=one.candidate_mean,
        difference=one.difference,
        ci_low=one.ci_low,
        ci_high=one.ci_high,
    )


def decision_message(decision: GateDecision) -> comparisons_pb2.GateDecision:
    """A gate's decision as the contract's message."""
    message = comparisons_pb2.GateDecision(
        id=str(decision.id),
        comparison_id=str(decision.comparison_id),
        prompt_id=str(decision.prompt_id),
        label=decision.label,
        version=decision.version,
        policy=POLICIES[decision.policy],
        allowed=decision.allowed,
        reason=decision.reason,
        decided_by=str(decision.decided_by),
    )
    message.decided_at.FromDatetime(decision.decided_at)
    return message
