"""Read what there is. Lists return one entry more than asked when there is a next page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from assay_evaluation.application.ports import Catalogue, CatalogueModel, UnitOfWork
from assay_evaluation.domain.comparison import Comparison
from assay_evaluation.domain.datasets import Dataset, DatasetItem
from assay_evaluation.domain.gate import GateDecision
from assay_evaluation.domain.runs import Run, StoredResult


@dataclass(frozen=True, slots=True)
class GetDataset:
    """One dataset by id or name."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, dataset: str) -> Dataset:
        """Raises DatasetNotFound."""
        async with self.uow(org_id) as tx:
            return await tx.datasets.get(dataset)


@dataclass(frozen=True, slots=True)
class ListDatasets:
    """The organisation's datasets, newest first."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, *, after: UUID | None, size: int) -> Sequence[Dataset]:
        """Beginning after the id given."""
        async with self.uow(org_id) as tx:
            return await tx.datasets.page(after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListItems:
    """The items of a version in the file's order."""

    uow: UnitOfWork

    async def __call__(
        self, org_id: UUID, dataset: str, version: int, *, after: int, size: int
    ) -> Sequence[DatasetItem]:
        """Version 0 is the latest. Raises DatasetNotFound or DatasetVersionNotFound."""
        async with self.uow(org_id) as tx:
            found = await tx.datasets.get(dataset)
            if found.latest_version == 0 and version == 0:
                return []
            return await tx.datasets.items(found, found.version_number(version), after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class GetRun:
    """One run with its progress."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, run_id: UUID) -> Run:
        """Raises RunNotFound."""
        async with self.uow(org_id) as tx:
            return await tx.runs.get(run_id)


@dataclass(frozen=True, slots=True)
class ListRuns:
    """The organisation's runs, newest first."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, *, prompt: str, after: UUID | None, size: int) -> Sequence[Run]:
        """Of one prompt (id or name) unless that is empty, beginning after the id given."""
        async with self.uow(org_id) as tx:
            return await tx.runs.page(prompt=prompt, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListResults:
    """The results of a run in the dataset's order."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, run_id: UUID, *, after: int, size: int) -> Sequence[StoredResult]:
        """Beginning after the index given. Raises RunNotFound."""
        async with self.uow(org_id) as tx:
            run = await tx.runs.get(run_id)
            return await tx.runs.results(run, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListModels:
    """The models that runs can name."""

    catalogue: Catalogue

    async def __call__(self) -> Sequence[CatalogueModel]:
        """All of them by name."""
        return await self.catalogue.models()


@dataclass(frozen=True, slots=True)
class GetComparison:
    """One comparison."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, comparison_id: UUID) -> Comparison:
        """Raises ComparisonNotFound."""
        async with self.uow(org_id) as tx:
            return await tx.comparisons.get(comparison_id)


@dataclass(frozen=True, slots=True)
class GetGateDecision:
    """One decision of a gate."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, decision_id: UUID) -> GateDecision:
        """Raises GateDecisionNotFound."""
        async with self.uow(org_id) as tx:
            return await tx.comparisons.get_decision(decision_id)
