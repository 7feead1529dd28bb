"""Runs: one prompt version over one dataset version, item by item."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from assay_common.errors import Violation
from assay_common.visibility import Visibility
from assay_evaluation.domain.datasets import DatasetItem
from assay_evaluation.domain.errors import EvaluatorConfigInvalid, ExpectedAnswersMissing, MalformedRun
from assay_evaluation.domain.evaluators import ConfigError, Evaluator, EvaluatorKind, Score, judge_for

DEFAULT_MAX_TOKENS: Final = 256
MAX_MAX_TOKENS: Final = 32_768
MAX_TEMPERATURE: Final = 2.0
MAX_STOPS: Final = 4
MAX_STOP_CHARACTERS: Final = 100
MAX_EVALUATORS: Final = 20
MAX_NAME: Final = 100
MAX_CONFIG_CHARACTERS: Final = 200_000
"""Of all evaluators together, as JSON: every event about the run carries them."""


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing will be measured any more."""
        return self in (RunStatus.COMPLETED, RunStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation that is sent to a model."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is sent with every request to the model; the defaults are those of the contract."""

    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def problems(self) -> list[Violation]:
        """What is out of range."""
        found = []
        if not 1 <= self.max_tokens <= MAX_MAX_TOKENS:
            found.append(Violation("parameters.max_tokens", f"must be 1 to {MAX_MAX_TOKENS}"))
        if not 0 <= self.temperature <= MAX_TEMPERATURE:
            found.append(Violation("parameters.temperature", f"must be 0 to {MAX_TEMPERATURE:g}"))
        if len(self.stop) > MAX_STOPS or not all(1 <= len(text) <= MAX_STOP_CHARACTERS for text in self.stop):
            found.append(
                Violation("parameters.stop", f"at most {MAX_STOPS} texts of 1 to {MAX_STOP_CHARACTERS} characters")
            )
        return found


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is asked for when a run is created. `label` or `version`; neither means the newest version."""

    prompt: str
    label: str
    version: int
    dataset: str
    dataset_version: int
    model: str
    parameters: Parameters
    evaluators: tuple[Evaluator, ...]

    def check(self) -> None:
        """Refuse what is wrong whatever the state of the system.

        Raises:
            MalformedRun: fields are missing or out of range.
            EvaluatorConfigInvalid: a pattern, a schema or another setting of an evaluator cannot be used.
        """
        problems = [
            Violation(name, "must not be empty")
            for name, value in (("prompt", self.prompt), ("dataset", self.dataset), ("model", self.model))
            if not value
        ]
        if self.label and self.version:
            problems.append(Violation("label", "name a label or a version, not both"))
        problems += [
            Violation(name, "must not be negative")
            for name, value in (("version", self.version), ("dataset_version", self.dataset_version))
            if value < 0
        ]
        problems += self.parameters.problems() + _problems_with(self.evaluators)
        if problems:
            raise MalformedRun("the run cannot be created", *problems)
        if broken := _broken_configs(self.evaluators):
            raise EvaluatorConfigInvalid("an evaluator cannot be used as it is configured", *broken)


def _problems_with(evaluators: Sequence[Evaluator]) -> list[Violation]:
    if not 1 <= len(evaluators) <= MAX_EVALUATORS:
        return [Violation("evaluators", f"name 1 to {MAX_EVALUATORS} evaluators")]
    names = [evaluator.name for evaluator in evaluators]
    problems = []
    if sum(len(json.dumps(evaluator.config)) for evaluator in evaluators) > MAX_CONFIG_CHARACTERS:
        problems.append(Violation("evaluators", f"more than {MAX_CONFIG_CHARACTERS} characters of configuration"))
    for place, name in enumerate(names):
        if len(name) > MAX_NAME or not name.isprintable():
            problems.append(Violation(f"evaluators[{place}].name", f"at most {MAX_NAME} printable characters"))
        if name in names[:place]:
            problems.append(Violation(f"evaluators[{place}].name", f"{name!r} is used twice"))
    return problems


def _broken_configs(evaluators: Sequence[Evaluator]) -> list[Violation]:
    broken = []
    for place, evaluator in enumerate(evaluators):
        try:
            judge_for(evaluator)
        except ConfigError as problem:
            broken.append(Violation(f"evaluators[{place}].config", str(problem)))
    return broken


def check_expected(evaluators: Sequence[Evaluator], items: Sequence[DatasetItem]) -> None:
    """Refuse evaluators that compare with expected answers where an item has none.

    Raises:
        ExpectedAnswersMissing: naming the evaluators, and the first such item.
    """
    comparing = [evaluator.name for evaluator in evaluators if judge_for(evaluator).needs_expected]
    without = [item.index for item in items if item.expected is None]
    if comparing and without:
        raise ExpectedAnswersMissing(
            f"{len(without)} of {len(items)} items have no expected answer (the first is item {without[0]}), "
            f"which {', '.join(comparing)} need",
            evaluators=", ".join(comparing),
            first_item=str(without[0]),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in items."""

    total: int
    measured: int = 0
    unmeasured: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every item has its result."""
        return self.measured + self.unmeasured >= self.total


@dataclass(frozen=True, slots=True)
class Summary:
    """What an evaluator said so far."""

    evaluator: str
    measured: int = 0
    score_sum: float = 0.0
    passed: int | None = None
    """For pass/fail evaluators only."""

    @property
    def mean_score(self) -> float | None:
        """None when nothing was measured."""
        return self.score_sum / self.measured if self.measured else None


@dataclass(frozen=True, slots=True)
class Totals:
    """What the run used; latencies are known once it has finished."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run."""

    id: UUID
    prompt_id: UUID
    prompt_name: str
    prompt_version: int
    dataset_id: UUID
    dataset_name: str
    dataset_version: int
    model: str
    parameters: Parameters
    evaluators: tuple[Evaluator, ...]
    status: RunStatus
    progress: Progress
    summaries: tuple[Summary, ...]
    totals: Totals
    created_at: datetime
    created_by: UUID
    visibility: Visibility = Visibility.ORGANISATION
    """Private when its prompt or its dataset was private when it was created."""
    finished_at: datetime | None = None


def visibility_over(*parts: Visibility) -> Visibility:
    """The visibility of what is made of these parts: private if one is, else the organisation's own."""
    return Visibility.PRIVATE if Visibility.PRIVATE in parts else Visibility.ORGANISATION


@dataclass(frozen=True, slots=True)
class RunItem:
    """One item of a run: what will be sent, or the variables for which the item has no value.

    It holds all that the run needs of the dataset's item, which may be another organisation's and vanish from sight.
    """

    item_id: UUID
    index: int
    expected: str | None
    messages: tuple[Message, ...]
    missing_variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingItem:
    """An item that has no result yet."""

    index: int
    messages: tuple[Message, ...]
    expected: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer used; an absent cost is unknown, not nothing."""

    latency_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What came of one item: an answer with its scores, or why there is none."""

    index: int
    output: str | None
    scores: tuple[Score, ...]
    unmeasured_reason: str
    usage: Usage
    attempts: int
    completed_at: datetime

    @property
    def is_measured(self) -> bool:
        """Whether there is an answer."""
        return self.output is not None

    @classmethod
    def unmeasured(cls, index: int, reason: str, *, at: datetime, attempts: int = 0) -> ItemResult:
        """The result of an item for which no answer could be had; never a wrong answer."""
        return cls(index, None, (), reason, Usage(), attempts, at)


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result with the id of its dataset item."""

    item_id: UUID
    result: ItemResult


def missing_variables_reason(names: Sequence[str]) -> str:
    """Why an item without values for some of the prompt's variables is not measured."""
    return f"no value for {'the variable' if len(names) == 1 else 'the variables'} {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of results adds to its run."""

    measured: int
    unmeasured: int
    usage: Usage
    """Sums over the batch; the latency is the sum of the measured items'."""

    @classmethod
    def of(cls, results: Sequence[ItemResult]) -> Batch:
        """Add the results up; the cost is unknown when no measured item's is known."""
        measured = [result for result in results if result.is_measured]
        costs = [result.usage.cost_usd for result in measured if result.usage.cost_usd is not None]
        usage = Usage(
            latency_ms=sum(result.usage.latency_ms for result in measured),
            input_tokens=sum(result.usage.input_tokens for result in measured),
            output_tokens=sum(result.usage.output_tokens for result in measured),
            cost_usd=sum(costs) if costs else None,
        )
        return cls(len(measured), len(results) - len(measured), usage)


def summarised(evaluators: Sequence[Evaluator], results: Sequence[ItemResult]) -> list[Summary]:
    """What the evaluators said of these results, in the evaluators' order."""
    scores: Mapping[str, list[Score]] = {evaluator.name: [] for evaluator in evaluators}
    for result in results:
        for score in result.scores:
            scores[score.evaluator].append(score)
    return [_summary(evaluator, scores[evaluator.name]) for evaluator in evaluators]


def _summary(evaluator: Evaluator, scores: Sequence[Score]) -> Summary:
    values = [score.value for score in scores if score.value is not None]
    passed = sum(score.passed is True for score in scores) if evaluator.kind.is_pass_fail else None
    return Summary(evaluator.name, len(values), sum(values), passed)


def evaluator_named(name: str, kind: EvaluatorKind, config: Mapping[str, Any]) -> Evaluator:
    """An evaluator; without a name it is called as its kind."""
    return Evaluator(name or kind.value, kind, config)
