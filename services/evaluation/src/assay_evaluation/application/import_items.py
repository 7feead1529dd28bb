"""Import a file into a new version of a dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_evaluation.application.find import dataset_to_change, find_changeable
from assay_evaluation.application.ports import UnitOfWork
from assay_evaluation.domain.access import ensure_may_change
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
        self,
        caller: Principal,
        reference: str,
        content: Callable[[], Awaitable[bytes]],
        file_format: FileFormat,
        *,
        skip_invalid: bool,
    ) -> ImportReport:
        """With `skip_invalid` broken rows are left out, otherwise one of them keeps the file out.

        `content` takes the file in; it is awaited only when the caller may import, so that nobody sends 16 MiB in vain.

        Raises DatasetNotFound, DatasetReadOnly or TooManyRows.
        """
        dataset_id = (await find_changeable(self.uow, caller, reference, ensure_may_change)).id
        parsed = await asyncio.to_thread(parse, await content(), file_format)
        if not parsed.importable(skip_invalid=skip_invalid):
            return ImportReport(dataset_id, 0, 0, tuple(parsed.errors), parsed.rejected)
        async with dataset_to_change(self.uow, caller, str(dataset_id), ensure_may_change) as (tx, found):
            dataset, version = found.extended(parsed.examples, by=caller.acts_for, at=self.clock())
            await tx.datasets.add_version(dataset, version, parsed.examples)
            await tx.announce([DatasetImported(dataset)])
        return ImportReport(dataset_id, version.number, version.item_count, tuple(parsed.errors), parsed.rejected)
