"""What happened, for others to know, and what is to be done, for the workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from assay_evaluation.domain.comparison import Comparison
from assay_evaluation.domain.datasets import Dataset
from assay_evaluation.domain.gate import GateDecision
from assay_evaluation.domain.runs import Batch, Progress, Run


@dataclass(frozen=True, slots=True)
class DatasetCreated:
    """A dataset was created."""

    dataset: Dataset


@dataclass(frozen=True, slots=True)
class DatasetUpdated:
    """A dataset has another description or visibility."""

    dataset: Dataset


@dataclass(frozen=True, slots=True)
class DatasetImported:
    """A version was imported; the dataset is as it is with it."""

    dataset: Dataset


@dataclass(frozen=True, slots=True)
class RunCreated:
    """A run was queued."""

    run: Run


@dataclass(frozen=True, slots=True)
class ItemsMeasured:
    """A batch of items got their results."""

    run_id: UUID
    prompt_id: UUID
    model: str
    batch: Batch
    progress: Progress
    """The run's, with this batch."""
    private_to: UUID | None
    """Who may be told, as of `private_to` in `access`; likewise below."""


@dataclass(frozen=True, slots=True)
class RunCompleted:
    """Every item of a run has its result."""

    run: Run


@dataclass(frozen=True, slots=True)
class RunCancelled:
    """A run was stopped."""

    run: Run


@dataclass(frozen=True, slots=True)
class ComparisonCreated:
    """Two runs were compared."""

    comparison: Comparison
    private_to: UUID | None


@dataclass(frozen=True, slots=True)
class GateDecided:
    """A gate said yes or no."""

    decision: GateDecision
    private_to: UUID | None


@dataclass(frozen=True, slots=True)
class EvaluateItems:
    """A task: measure these items of a run."""

    run_id: UUID
    indexes: tuple[int, ...]


Event: TypeAlias = (
    DatasetCreated
    | DatasetUpdated
    | DatasetImported
    | RunCreated
    | ItemsMeasured
    | RunCompleted
    | RunCancelled
    | ComparisonCreated
    | GateDecided
    | EvaluateItems
)


def tasks_of(run_id: UUID, indexes: list[int], size: int) -> list[EvaluateItems]:
    """Cut the items of a run into tasks of at most `size` items."""
    return [EvaluateItems(run_id, tuple(indexes[start : start + size])) for start in range(0, len(indexes), size)]
