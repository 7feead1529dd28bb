"""Labelled examples."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query, Request

from assay.evaluation.v1 import datasets_pb2 as pb
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InDataset
from assay_gateway.entrypoints.http.problems import Problem
from assay_gateway.entrypoints.http.route_classes import upload_route
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.evaluations import (
    Dataset,
    DatasetChange,
    DatasetItemPage,
    DatasetPage,
    ImportReport,
    NewDataset,
)
from assay_gateway.entrypoints.http.schemas.words import VersionNumber
from assay_gateway.entrypoints.http.uploads import MAX_DATASET_BYTES, ensure_media_type, upload
from assay_gateway.entrypoints.http.visibilities import number_of_visibility
from assay_gateway.messages import Json, to_json

router = api_router("/v1/datasets", "datasets")
uploads = api_router("/v1/datasets", "datasets", upload_route(MAX_DATASET_BYTES))

_FORMATS: Final[dict[str, pb.FileFormat.ValueType]] = {
    "application/x-ndjson": pb.FILE_FORMAT_JSONL,
    "application/jsonl": pb.FILE_FORMAT_JSONL,
    "text/csv": pb.FILE_FORMAT_CSV,
}
_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": 'JSON lines (`{"inputs": {…}, "expected": "…"}`), or CSV whose column `expected` is the answer.',
        "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _FORMATS},
    }
}


@router.post("", status_code=201, response_model=Dataset, responses=problems(400, 409, 413, 415))
async def create_dataset(body: NewDataset, services: TheServices) -> Json:
    """Create an empty dataset."""
    request = pb.CreateDatasetRequest(
        name=body.name,
        description=body.description,
        visibility=number_of_visibility(body.visibility),
    )
    return to_json(await services.datasets.CreateDataset(request))


@router.get("", response_model=DatasetPage)
async def list_datasets(services: TheServices, part: Page) -> Json:
    """The organisation's datasets, newest first."""
    found = await services.datasets.ListDatasets(
        pb.ListDatasetsRequest(page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.datasets, found.next_page_token)


@router.get("/{dataset}", response_model=Dataset)
async def get_dataset(dataset: InDataset, services: TheServices) -> Json:
    """One dataset, by id or name."""
    return to_json(await services.datasets.GetDataset(pb.GetDatasetRequest(dataset=dataset)))


@router.patch("/{dataset}", response_model=Dataset, responses=problems(400, 412, 413, 415))
async def update_dataset(dataset: InDataset, body: DatasetChange, services: TheServices, if_match: IfMatch) -> Json:
    """Change a dataset's description or who may see it."""
    request = pb.UpdateDatasetRequest(
        dataset=dataset,
        description=body.description,
        visibility=number_of_visibility(body.visibility),
        etag=if_match,
    )
    return to_json(await services.datasets.UpdateDataset(request))


@uploads.post(
    "/{dataset}/items",
    status_code=201,
    response_model=ImportReport,
    responses=problems(413, 415),
    openapi_extra=_FILE | {"x-cost": 10},
)
async def import_items(
    dataset: InDataset,
    request: Request,
    services: TheServices,
    skip_invalid: Annotated[bool, Query(description="Import the good rows even where others are broken.")] = False,
) -> Json:
    """Read a file of at most 16 MiB into a new version: all of it, or nothing (INVALID_ROWS names the broken rows)."""
    media_type = ensure_media_type(request, *_FORMATS)
    header = pb.ImportHeader(dataset=dataset, format=_FORMATS[media_type], skip_invalid=skip_invalid)
    report = await upload(
        services.datasets.ImportItems,
        request,
        pb.ImportItemsRequest(header=header),
        lambda piece: pb.ImportItemsRequest(chunk=piece),
        pb.ImportItemsRequest(complete=True),
    )
    if report.version == 0:
        raise RequestProblem(_invalid_rows(report))
    return to_json(report)


@router.get("/{dataset}/items", response_model=DatasetItemPage)
async def list_items(
    dataset: InDataset,
    services: TheServices,
    part: Page,
    version: Annotated[VersionNumber | None, Query(description="Absent = the latest.")] = None,
) -> Json:
    """The items of a version, in the file's order."""
    found = await services.datasets.ListItems(
        pb.ListItemsRequest(dataset=dataset, version=version or 0, page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.items, found.next_page_token)


def _invalid_rows(report: pb.ImportReport) -> Problem:
    return Problem(
        status=422,
        reason="INVALID_ROWS",
        detail=f"nothing was imported: {report.rejected} rows are broken",
        errors=tuple({"pointer": f"/lines/{row.line}", "detail": row.message} for row in report.errors),
        extra={"rejected": report.rejected},
    )
