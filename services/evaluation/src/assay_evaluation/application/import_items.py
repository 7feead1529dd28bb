"""Import a file into a new version of a dataset."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.datasets import FileFormat
from assay_evaluation.domain.events import DatasetImported
from assay_evaluation.domain.importing import RowError, parse


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file; version 0 means that nothing was imported."""

    dataset_id: UUID
    version: int
    imported: int
    errors: tuple[RowError, ...]
    rejected: int


@dataclass(frozen=True, slots=True)
class ImportItems:
    """Read a file into a new version and announce it: all of it, or nothing."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self, org_id: UUID, dataset_id: UUID, content: bytes, file_format: FileFormat, *, skip_invalid: bool, by: UUID
    ) -> ImportReport:
        """With `skip_invalid` broken rows are left out, otherwise one of them keeps the file out.

        Raises DatasetNotFound or TooManyRows.
        """
        parsed = await asyncio.to_thread(parse, content, file_format)
        if not parsed.importable(skip_invalid=skip_invalid):
            return ImportReport(dataset_id, 0, 0, tuple(parsed.errors), parsed.rejected)
        async with self.uow(org_id) as tx:
            found = await tx.datasets.get(str(dataset_id), for_update=True)
            dataset, version = found.extended(parsed.examples, by=by, at=self.clock())
            await tx.datasets.add_version(dataset, version, parsed.examples)
            await tx.announce([DatasetImported(dataset)])
        return ImportReport(dataset_id, version.number, version.item_count, tuple(parsed.errors), parsed.rejected)
