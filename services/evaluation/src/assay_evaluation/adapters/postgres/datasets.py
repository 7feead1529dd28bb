"""Datasets on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from assay_common.identity import Principal
from assay_common.ids import new_id
from assay_common.postgres.visible import Visible
from assay_common.visibility import Visibility
from assay_evaluation.domain.datasets import Dataset, DatasetItem, DatasetVersion, Example
from assay_evaluation.domain.errors import DatasetNameTaken, DatasetNotFound
from assay_evaluation.domain.names import as_id

_ADD = """
    INSERT INTO datasets (id, org_id, name, description, visibility, latest_version, item_count, created_at, updated_at,
                          created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (org_id, name) DO NOTHING
"""
_BY_ID = "SELECT * FROM datasets WHERE id = $1"
_BY_NAME = "SELECT * FROM datasets WHERE name = $1 AND org_id = $2"
_SOME = "SELECT * FROM datasets WHERE id = ANY ($1::uuid[])"
_LOCK = " FOR UPDATE"
# The organisation is named, as the policies of row-level security, of which one is for public rows, use no index.
_PAGE = f"""
    SELECT * FROM datasets
    WHERE org_id = $1 AND ({Visible.condition("datasets")}) AND ($6::uuid IS NULL OR id < $6)
    ORDER BY id DESC
    LIMIT $7
"""  # noqa: S608 - no value is in it
_UPDATE = "UPDATE datasets SET description = $2, visibility = $3, updates = $4, updated_at = $5 WHERE id = $1"
_EXTEND = "UPDATE datasets SET latest_version = $2, item_count = $3, updated_at = $4 WHERE id = $1"
_ADD_VERSION = """
    INSERT INTO dataset_versions (org_id, dataset_id, number, item_count, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
# COPY is not possible on a table with row-level security; one statement with arrays is nearly as fast.
_ADD_ITEMS = """
    INSERT INTO dataset_items (org_id, dataset_id, version, index, id, inputs, expected, metadata)
    SELECT $1, $2, $3, place - 1, id, inputs, expected, metadata
    FROM unnest($4::uuid[], $5::jsonb[], $6::text[], $7::jsonb[])
         WITH ORDINALITY AS new (id, inputs, expected, metadata, place)
"""
_ITEMS = """
    SELECT id, index, inputs, expected, metadata
    FROM dataset_items
    WHERE dataset_id = $1 AND version = $2 AND index > $3
    ORDER BY index
    LIMIT $4
"""


class PostgresDatasets:
    """The datasets of the transaction's organisation, and public ones of others by id where it shows them."""

    def __init__(self, connection: asyncpg.Connection, org_id: UUID) -> None:
        self._connection = connection
        self._org_id = org_id

    async def add(self, dataset: Dataset) -> None:
        """Store a new dataset. Raises DatasetNameTaken."""
        outcome = await self._connection.execute(
            _ADD,
            dataset.id,
            self._org_id,
            dataset.name,
            dataset.description,
            dataset.visibility.value,
            dataset.latest_version,
            dataset.item_count,
            dataset.created_at,
            dataset.updated_at,
            dataset.created_by,
        )
        if outcome == "INSERT 0 0":
            raise DatasetNameTaken(f"there is a dataset named {dataset.name!r} already", name=dataset.name)

    async def get(self, reference: str, *, for_update: bool = False) -> Dataset:
        """The dataset of this id or name. Raises DatasetNotFound."""
        dataset_id = as_id(reference)
        lock = _LOCK if for_update else ""
        if dataset_id is None:
            row = await self._connection.fetchrow(_BY_NAME + lock, reference, self._org_id)
        else:
            row = await self._connection.fetchrow(_BY_ID + lock, dataset_id)
        if row is None:
            raise DatasetNotFound.of(reference)
        return _dataset(row)

    async def some(self, ids: Sequence[UUID]) -> Sequence[Dataset]:
        """Those of these datasets that there are, by one query."""
        return [_dataset(row) for row in await self._connection.fetch(_SOME, ids)]

    async def page(self, caller: Principal, *, after: UUID | None, limit: int) -> Sequence[Dataset]:
        """Datasets that the caller may see, newest first, beginning after the id given."""
        rows = await self._connection.fetch(_PAGE, *Visible.to(caller).values, after, limit)
        return [_dataset(row) for row in rows]

    async def save(self, dataset: Dataset) -> None:
        """Store what can be changed of a dataset."""
        await self._connection.execute(
            _UPDATE, dataset.id, dataset.description, dataset.visibility.value, dataset.updates, dataset.updated_at
        )

    async def add_version(self, dataset: Dataset, version: DatasetVersion, examples: Sequence[Example]) -> None:
        """Store a version with its items, and the dataset as it is with it."""
        await self._connection.execute(
            _ADD_VERSION,
            self._org_id,
            dataset.id,
            version.number,
            version.item_count,
            version.created_at,
            version.created_by,
        )
        await self._connection.execute(
            _ADD_ITEMS,
            self._org_id,
            dataset.id,
            version.number,
            [new_id() for _ in examples],
            [example.inputs for example in examples],
            [example.expected for example in examples],
            [example.metadata for example in examples],
        )
        await self._connection.execute(
            _EXTEND, dataset.id, dataset.latest_version, dataset.item_count, dataset.updated_at
        )

    async def items(self, dataset: Dataset, version: int, *, after: int = -1, limit: int | None) -> list[DatasetItem]:
        """The items of a version in their order, beginning after the index given; all where there is no limit."""
        rows = await self._connection.fetch(_ITEMS, dataset.id, version, after, limit)
        return [DatasetItem(row["id"], row["index"], row["inputs"], row["expected"], row["metadata"]) for row in rows]


def _dataset(row: asyncpg.Record) -> Dataset:
    return Dataset(
        id=row["id"],
        org_id=row["org_id"],
        name=row["name"],
        description=row["description"],
        visibility=Visibility(row["visibility"]),
        latest_version=row["latest_version"],
        item_count=row["item_count"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        created_by=row["created_by"],
        updates=row["updates"],
    )
