"""DatasetService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay.evaluation.v1 import datasets_pb2, datasets_pb2_grpc
from assay.type.v1 import visibility_pb2
from assay_common.batches import ids_in
from assay_common.errors import Violation
from assay_common.identity import member
from assay_common.postgres.pages import cursor, cut, page_size
from assay_common.visibility import Visibility
from assay_evaluation.application.create_dataset import CreateDataset
from assay_evaluation.application.import_items import ImportItems
from assay_evaluation.application.read import BatchGetDatasets, GetDataset, ListDatasets, ListItems
from assay_evaluation.application.update_dataset import UpdateDataset
from assay_evaluation.domain.datasets import FileFormat
from assay_evaluation.domain.errors import FileTooLarge, MalformedDataset, MalformedImport
from assay_evaluation.domain.importing import MAX_FILE_BYTES
from assay_evaluation.entrypoints.grpc.reading import Context, required
from assay_evaluation.messages import dataset_message, item_message, report_message, visibility_from

_FORMATS: Final = {
    datasets_pb2.FILE_FORMAT_JSONL: FileFormat.JSONL,
    datasets_pb2.FILE_FORMAT_CSV: FileFormat.CSV,
}


@dataclass(frozen=True, slots=True)
class DatasetServicer(datasets_pb2_grpc.DatasetServiceServicer):
    """The RPCs of assay.evaluation.v1.DatasetService; the proto says what each is for."""

    create_dataset: CreateDataset
    get_dataset: GetDataset
    list_datasets: ListDatasets
    batch_get_datasets: BatchGetDatasets
    update_dataset: UpdateDataset
    import_items: ImportItems
    list_items: ListItems

    async def CreateDataset(self, request: datasets_pb2.CreateDatasetRequest, context: Context) -> datasets_pb2.Dataset:
        """Create an empty dataset."""
        visibility = _visibility(request.visibility) or Visibility.ORGANISATION
        dataset = await self.create_dataset(member(), request.name, request.description, visibility)
        return dataset_message(dataset)

    async def GetDataset(self, request: datasets_pb2.GetDatasetRequest, context: Context) -> datasets_pb2.Dataset:
        """One dataset, by id or name."""
        return dataset_message(await self.get_dataset(member(), required("dataset", request.dataset)))

    async def ListDatasets(
        self, request: datasets_pb2.ListDatasetsRequest, context: Context
    ) -> datasets_pb2.ListDatasetsResponse:
        """A page of datasets, newest first."""
        size = page_size(request.page_size)
        found = await self.list_datasets(member(), after=cursor(request.page_token, UUID), size=size)
        page, token = cut(found, size, lambda dataset: {"after": str(dataset.id)})
        return datasets_pb2.ListDatasetsResponse(datasets=map(dataset_message, page), next_page_token=token)

    async def BatchGetDatasets(
        self, request: datasets_pb2.BatchGetDatasetsRequest, context: Context
    ) -> datasets_pb2.BatchGetDatasetsResponse:
        """Those of the datasets that the caller may see."""
        found = await self.batch_get_datasets(member(), ids_in("ids", request.ids))
        return datasets_pb2.BatchGetDatasetsResponse(datasets=map(dataset_message, found))

    async def UpdateDataset(self, request: datasets_pb2.UpdateDatasetRequest, context: Context) -> datasets_pb2.Dataset:
        """Change description or visibility."""
        dataset = await self.update_dataset(
            member(),
            required("dataset", request.dataset),
            description=request.description if request.HasField("description") else None,
            visibility=_visibility(request.visibility),
            etag=request.etag,
        )
        return dataset_message(dataset)

    async def ImportItems(
        self, request_iterator: AsyncIterator[datasets_pb2.ImportItemsRequest], context: Context
    ) -> datasets_pb2.ImportReport:
        """Read a file into a new version."""
        asking = member()
        header = await _header(request_iterator)
        file_format = _file_format(header)
        report = await self.import_items(
            asking,
            required("dataset", header.dataset),
            lambda: _content(request_iterator),
            file_format,
            skip_invalid=header.skip_invalid,
        )
        return report_message(report)

    async def ListItems(
        self, request: datasets_pb2.ListItemsRequest, context: Context
    ) -> datasets_pb2.ListItemsResponse:
        """A page of the items of a version."""
        size = page_size(request.page_size)
        after = cursor(request.page_token, int)
        found = await self.list_items(
            member(),
            required("dataset", request.dataset),
            request.version,
            after=-1 if after is None else after,
            size=size,
        )
        page, token = cut(found, size, lambda item: {"after": str(item.index)})
        return datasets_pb2.ListItemsResponse(items=map(item_message, page), next_page_token=token)


def _visibility(number: visibility_pb2.Visibility.ValueType) -> Visibility | None:
    """None where the request names none. Raises MalformedDataset."""
    found = visibility_from(number)
    if found is None and number:
        problem = Violation("visibility", "must be PRIVATE, ORGANISATION or PUBLIC")
        raise MalformedDataset("there is no such visibility", problem)
    return found


async def _header(requests: AsyncIterator[datasets_pb2.ImportItemsRequest]) -> datasets_pb2.ImportHeader:
    async for request in requests:
        if request.WhichOneof("part") == "header":
            return request.header
        break
    raise MalformedImport("the upload does not begin with a header", Violation("header", "must come first"))


def _file_format(header: datasets_pb2.ImportHeader) -> FileFormat:
    if header.format not in _FORMATS:
        raise MalformedImport("the file's format is not known", Violation("header.format", "must be JSONL or CSV"))
    return _FORMATS[header.format]


async def _content(requests: AsyncIterator[datasets_pb2.ImportItemsRequest]) -> bytes:
    content = bytearray()
    async for request in requests:
        if request.complete:
            return bytes(content)
        if request.WhichOneof("part") != "chunk":
            raise MalformedImport("the upload has a second header", Violation("header", "must come once"))
        content += request.chunk
        if len(content) > MAX_FILE_BYTES:
            limit = f"{MAX_FILE_BYTES // 1024 // 1024} MiB"
            raise FileTooLarge(f"the file is larger than {limit}", Violation("chunk", f"all together at most {limit}"))
    raise MalformedImport("the upload was cut short", Violation("complete", "must come last"))
