"""Create a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id
from assay_common.visibility import Visibility
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.access import ensure_may_create
from assay_evaluation.domain.datasets import Dataset
from assay_evaluation.domain.events import DatasetCreated


@dataclass(frozen=True, slots=True)
class CreateDataset:
    """Create a dataset without versions, and announce it."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, name: str, description: str, visibility: Visibility) -> Dataset:
        """Raises MalformedDataset, VisibilityNotAllowed or DatasetNameTaken."""
        dataset = Dataset.create(
            new_id(), caller.tenant, name, description, visibility, by=caller.acts_for, at=self.clock()
        )
        ensure_may_create(dataset, caller)
        async with self.uow(caller.tenant) as tx:
            await tx.datasets.add(dataset)
            await tx.announce([DatasetCreated(dataset)])
        return dataset
