"""Create a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.ids import new_id
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.datasets import Dataset


@dataclass(frozen=True, slots=True)
class CreateDataset:
    """Create a dataset without versions."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, org_id: UUID, name: str, description: str, *, by: UUID) -> Dataset:
        """Raises MalformedDataset or DatasetNameTaken."""
        dataset = Dataset.create(new_id(), name, description, by=by, at=self.clock())
        async with self.uow(org_id) as tx:
            await tx.datasets.add(dataset)
        return dataset
