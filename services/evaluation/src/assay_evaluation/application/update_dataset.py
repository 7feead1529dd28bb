"""Change a dataset's description or visibility."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from assay_common.clock import Clock
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal
from assay_common.visibility import Visibility
from assay_evaluation.application.find import dataset_to_change
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.access import ensure_may_update
from assay_evaluation.domain.datasets import Dataset
from assay_evaluation.domain.events import DatasetUpdated


@dataclass(frozen=True, slots=True)
class UpdateDataset:
    """Give a dataset another description or visibility, and announce it if that changed something."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self, caller: Principal, dataset: str, *, description: str | None, visibility: Visibility | None, etag: str
    ) -> Dataset:
        """What is None stays. Raises DatasetNotFound, DatasetReadOnly, VisibilityNotAllowed, EtagMismatch or
        MalformedDataset.
        """
        rule = partial(ensure_may_update, description=description, visibility=visibility)
        async with dataset_to_change(self.uow, caller, dataset, rule) as (tx, before):
            ensure_unchanged(etag, before.etag)
            after = before.updated(description=description, visibility=visibility, at=self.clock())
            if after is not before:
                await tx.datasets.save(after)
                await tx.announce([DatasetUpdated(after)])
        return after
