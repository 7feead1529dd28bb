"""What the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from assay_common.identity import Principal
from assay_common.visibility import Visibility
from assay_evaluation.domain.access import SharedPrompt
from assay_evaluation.domain.comparison import Comparison, Pair
from assay_evaluation.domain.datasets import Dataset, DatasetItem, DatasetVersion, Example
from assay_evaluation.domain.events import Event
from assay_evaluation.domain.gate import GateDecision
from assay_evaluation.domain.runs import (
    Batch,
    ItemResult,
    Message,
    Parameters,
    PendingItem,
    Run,
    RunItem,
    StoredResult,
    Summary,
)


class Datasets(Protocol):
    """The datasets of one organisation, and public ones of others by id where the transaction shows them."""

    async def add(self, dataset: Dataset) -> None:
        """Store a new dataset. Raises DatasetNameTaken."""

    async def get(self, reference: str, *, for_update: bool = False) -> Dataset:
        """The dataset of this id or name; locked until the transaction ends if asked. Raises DatasetNotFound."""

    async def some(self, ids: Sequence[UUID]) -> Sequence[Dataset]:
        """Those of these datasets that there are, by one query."""

    async def page(self, caller: Principal, *, after: UUID | None, limit: int) -> Sequence[Dataset]:
        """Datasets that the caller may see, newest first, beginning after the id given."""

    async def save(self, dataset: Dataset) -> None:
        """Store what can be changed of a dataset."""

    async def add_version(self, dataset: Dataset, version: DatasetVersion, examples: Sequence[Example]) -> None:
        """Store a version with its items, and the dataset as it is with it."""

    async def items(self, dataset: Dataset, version: int, *, after: int = -1, limit: int | None) -> list[DatasetItem]:
        """The items of a version in their order, beginning after the index given; all where there is no limit."""


class Runs(Protocol):
    """The runs of one organisation."""

    async def add(self, run: Run, items: Sequence[RunItem]) -> None:
        """Store a new run with what will be sent for each item."""

    async def get(self, run_id: UUID, *, for_update: bool = False) -> Run:
        """One run; locked until the transaction ends if asked. Raises RunNotFound."""

    async def some(self, ids: Sequence[UUID]) -> Sequence[Run]:
        """Those of these runs that there are, by one query."""

    async def page(self, caller: Principal, *, prompt: str, after: UUID | None, limit: int) -> Sequence[Run]:
        """Runs that the caller may see, newest first, of one prompt (id or name) or of all (empty), beginning after
        the id given.
        """

    async def start(self, run: Run) -> None:
        """Say that a queued run is running; a run further on stays as it is."""

    async def pending(self, run: Run, indexes: Sequence[int]) -> list[PendingItem]:
        """Those of the items that have no result yet."""

    async def waiting(self, run: Run, indexes: Sequence[int]) -> list[int]:
        """Those of these indexes whose items have no result yet, whatever else is wrong with them."""

    async def add_results(self, run: Run, results: Sequence[ItemResult]) -> list[ItemResult]:
        """Store results; the ones that were really new come back, for an item keeps its first result."""

    async def advance(self, run: Run, batch: Batch, summaries: Sequence[Summary], *, at: datetime) -> Run:
        """Add a batch to the run, and complete it if that was the last: decided by the database, once."""

    async def cancel(self, run: Run, *, at: datetime) -> Run:
        """Make a run cancelled."""

    async def results(self, run: Run, *, after: int, limit: int) -> Sequence[StoredResult]:
        """Results in the dataset's order, beginning after the index given."""

    async def pairs(self, baseline: Run, candidate: Run) -> list[Pair]:
        """The items measured in both runs, in the dataset's order."""


class Comparisons(Protocol):
    """The comparisons and gate decisions of one organisation."""

    async def add(self, comparison: Comparison) -> None:
        """Store a comparison."""

    async def get(self, comparison_id: UUID) -> Comparison:
        """One comparison. Raises ComparisonNotFound."""

    async def add_decision(self, decision: GateDecision) -> None:
        """Store a gate's decision."""

    async def get_decision(self, decision_id: UUID) -> GateDecision:
        """One decision. Raises GateDecisionNotFound."""


class Transaction(Protocol):
    """One transaction of one organisation."""

    @property
    def datasets(self) -> Datasets:
        """The organisation's datasets."""

    @property
    def runs(self) -> Runs:
        """The organisation's runs."""

    @property
    def comparisons(self) -> Comparisons:
        """The organisation's comparisons."""

    async def announce(self, events: Sequence[Event]) -> None:
        """Store events and tasks in their order, to be published after the commit."""


class UnitOfWork(Protocol):
    """Opens transactions: committed at the end of the block, rolled back when it raises."""

    def __call__(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one organisation's rows only."""

    def with_public(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one organisation's rows, and reads what others have made public."""


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A version of a prompt, resolved."""

    prompt_id: UUID
    prompt_name: str
    number: int
    visibility: Visibility
    content_bytes: int
    """About how large a rendering is before its variables are filled in."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What would be sent, or the variables that had no value."""

    messages: tuple[Message, ...]
    missing_variables: tuple[str, ...]


class Prompts(Protocol):
    """The prompts, in the name of the caller."""

    async def shared(self, prompt_id: UUID) -> SharedPrompt:
        """Whose it is and how widely it is shared. What the owner of prompts refuses is raised as it said it."""

    async def resolve(self, prompt: str, label: str, version: int) -> PromptVersion:
        """The version meant. What the owner of prompts refuses is raised as it said it."""

    async def render(self, version: PromptVersion, sets: Sequence[Mapping[str, Any]]) -> list[Rendering]:
        """One rendering per set of values, in the same order."""


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model that runs can name."""

    name: str
    priced: bool
    """Whether cost can be measured."""


class Catalogue(Protocol):
    """The models of the installation."""

    async def models(self) -> Sequence[CatalogueModel]:
        """All of them by name."""

    def __contains__(self, name: str) -> bool:
        """Whether there is such a model."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered, and what that took."""

    text: str
    latency_ms: float
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None when the model's price is unknown."""


class NoReplyError(Exception):
    """A model gave no answer that could be used; the message says why, in words for the owner of the run."""

    def __init__(self, reason: str, *, worth_retrying: bool, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.worth_retrying = worth_retrying
        self.retry_after = retry_after
        """Seconds that the provider asks to wait."""


class LanguageModel(Protocol):
    """Asks models, once for each call."""

    async def prepare(self) -> None:
        """Load what asking needs, so that no question waits for it; at once when that was done."""

    async def ask(self, model: str, messages: Sequence[Message], parameters: Parameters) -> Reply:
        """The answer to a conversation. Raises NoReplyError for whatever goes wrong on the way."""
