"""Read what there is and the caller may see. Lists return one entry more than asked when there is a next page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from assay_common.identity import Principal
from assay_evaluation.application.find import comparison_to_read, dataset_to_read, decision_to_read, run_to_read
from assay_evaluation.application.ports import Catalogue, CatalogueModel, UnitOfWork
from assay_evaluation.domain.access import is_run_visible, is_visible
from assay_evaluation.domain.comparison import Comparison
from assay_evaluation.domain.datasets import Dataset, DatasetItem
from assay_evaluation.domain.gate import GateDecision
from assay_evaluation.domain.runs import Run, StoredResult


@dataclass(frozen=True, slots=True)
class GetDataset:
    """One dataset by id or name; by id also a public one of another organisation."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, dataset: str) -> Dataset:
        """Raises DatasetNotFound."""
        async with dataset_to_read(self.uow, caller, dataset) as (_, found):
            return found


@dataclass(frozen=True, slots=True)
class BatchGetDatasets:
    """Datasets by their ids, also public ones of other organisations, by one query."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, ids: Sequence[UUID]) -> Sequence[Dataset]:
        """Those that there are and the caller may see."""
        async with self.uow.with_public(caller.tenant) as tx:
            return [dataset for dataset in await tx.datasets.some(ids) if is_visible(dataset, caller)]


@dataclass(frozen=True, slots=True)
class ListDatasets:
    """The organisation's datasets, newest first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, *, after: UUID | None, size: int) -> Sequence[Dataset]:
        """Beginning after the id given."""
        async with self.uow(caller.tenant) as tx:
            return await tx.datasets.page(caller, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListItems:
    """The items of a version in the file's order."""

    uow: UnitOfWork

    async def __call__(
        self, caller: Principal, dataset: str, version: int, *, after: int, size: int
    ) -> Sequence[DatasetItem]:
        """Version 0 is the latest. Raises DatasetNotFound or DatasetVersionNotFound."""
        async with dataset_to_read(self.uow, caller, dataset) as (tx, found):
            if found.latest_version == 0 and version == 0:
                return []
            return await tx.datasets.items(found, found.version_number(version), after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class GetRun:
    """One run with its progress."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, run_id: UUID) -> Run:
        """Raises RunNotFound."""
        async with self.uow(caller.tenant) as tx:
            return await run_to_read(tx, caller, run_id)


@dataclass(frozen=True, slots=True)
class BatchGetRuns:
    """Runs by their ids, by one query."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, ids: Sequence[UUID]) -> Sequence[Run]:
        """Those that there are and the caller may see."""
        async with self.uow(caller.tenant) as tx:
            return [run for run in await tx.runs.some(ids) if is_run_visible(run, caller)]


@dataclass(frozen=True, slots=True)
class ListRuns:
    """The organisation's runs, newest first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, *, prompt: str, after: UUID | None, size: int) -> Sequence[Run]:
        """Of one prompt (id or name) unless that is empty, beginning after the id given."""
        async with self.uow(caller.tenant) as tx:
            return await tx.runs.page(caller, prompt=prompt, after=after, limit=size + 1)


@dataclass(frozen=True, slots=True)
class ListResults:
    """The results of a run in the dataset's order."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, run_id: UUID, *, after: int, size: int) -> Sequence[StoredResult]:
        """Beginning after the index given. Raises RunNotFound."""
        async with self.uow(caller.tenant) as tx:
            run = await run_to_read(tx, caller, run_id)
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

    async def __call__(self, caller: Principal, comparison_id: UUID) -> Comparison:
        """Raises ComparisonNotFound."""
        async with self.uow(caller.tenant) as tx:
            return await comparison_to_read(tx, caller, comparison_id)


@dataclass(frozen=True, slots=True)
class GetGateDecision:
    """One decision of a gate."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, decision_id: UUID) -> GateDecision:
        """Raises GateDecisionNotFound."""
        async with self.uow(caller.tenant) as tx:
            return await decision_to_read(tx, caller, decision_id)
