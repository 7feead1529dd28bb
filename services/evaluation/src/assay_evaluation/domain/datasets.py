"""Labelled examples in immutable versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from assay_common.errors import Violation
from assay_common.visibility import Visibility
from assay_evaluation.domain.errors import DatasetEmpty, DatasetVersionNotFound, MalformedDataset
from assay_evaluation.domain.names import problem_with_name

MAX_DESCRIPTION = 2_000


class FileFormat(StrEnum):
    """How an imported file is written."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a file: values for the prompt's variables and, perhaps, the answer hoped for."""

    inputs: Mapping[str, Any]
    expected: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DatasetItem:
    """An example in its place in a version, counted from 0."""

    id: UUID
    index: int
    inputs: Mapping[str, Any]
    expected: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """One immutable version."""

    dataset_id: UUID
    number: int
    item_count: int
    created_at: datetime
    created_by: UUID


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named dataset; `latest_version` 0 means that nothing was imported yet."""

    id: UUID
    org_id: UUID
    name: str
    description: str
    visibility: Visibility
    latest_version: int
    item_count: int
    created_at: datetime
    updated_at: datetime
    created_by: UUID
    """The person or service account; one who used an API key, not the key."""
    updates: int = 0
    """How often its description or visibility was changed."""

    @property
    def etag(self) -> str:
        """The dataset's revision, which grows with everything that changes it: 1 for a new one."""
        return str(1 + self.updates + self.latest_version)

    @classmethod
    def create(
        cls,
        dataset_id: UUID,
        org_id: UUID,
        name: str,
        description: str,
        visibility: Visibility,
        *,
        by: UUID,
        at: datetime,
    ) -> Dataset:
        """A new dataset without versions.

        Raises:
            MalformedDataset: the name or the description breaks its form.
        """
        problems = []
        if problem := problem_with_name(name):
            problems.append(Violation("name", problem))
        problems += _too_long(description)
        if problems:
            raise MalformedDataset("the dataset cannot be created", *problems)
        return cls(dataset_id, org_id, name, description, visibility, 0, 0, created_at=at, updated_at=at, created_by=by)

    def updated(self, *, description: str | None, visibility: Visibility | None, at: datetime) -> Dataset:
        """The dataset with another description or visibility; itself where None, or what it has, is given.

        Raises:
            MalformedDataset: the description is too long.
        """
        if description is not None and (problems := _too_long(description)):
            raise MalformedDataset("the dataset cannot be changed", *problems)
        after = replace(
            self,
            description=self.description if description is None else description,
            visibility=visibility or self.visibility,
        )
        return self if after == self else replace(after, updates=self.updates + 1, updated_at=at)

    def extended(self, examples: Sequence[Example], *, by: UUID, at: datetime) -> tuple[Dataset, DatasetVersion]:
        """The dataset with one more version that holds exactly these examples."""
        version = DatasetVersion(self.id, self.latest_version + 1, len(examples), created_at=at, created_by=by)
        after = replace(self, latest_version=version.number, item_count=version.item_count, updated_at=at)
        return after, version

    def version_number(self, wanted: int) -> int:
        """The number that a request means: itself, or the latest for 0.

        Raises:
            DatasetEmpty: nothing was imported yet.
            DatasetVersionNotFound: there is no such version.
        """
        if self.latest_version == 0:
            raise DatasetEmpty(f"dataset {self.name} is empty; import items first", dataset=self.name)
        if not 0 <= wanted <= self.latest_version:
            raise DatasetVersionNotFound(
                f"dataset {self.name} has no version {wanted}", dataset=self.name, version=str(wanted)
            )
        return wanted or self.latest_version


def _too_long(description: str) -> list[Violation]:
    if len(description) <= MAX_DESCRIPTION:
        return []
    return [Violation("description", f"longer than {MAX_DESCRIPTION} characters")]
