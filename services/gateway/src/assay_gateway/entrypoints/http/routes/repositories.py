"""The git repositories that are audited."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query, Request

from assay.audit.v1 import repositories_pb2 as pb
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InRepository
from assay_gateway.entrypoints.http.route_classes import upload_route
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.audits import (
    NewRepository,
    Repository,
    RepositoryChange,
    RepositoryPage,
    UploadedBundle,
)
from assay_gateway.entrypoints.http.uploads import MAX_BUNDLE_BYTES, ensure_media_type, upload
from assay_gateway.messages import Json, to_json

router = api_router("/v1/repositories", "repositories")
uploads = api_router("/v1/repositories", "repositories", upload_route(MAX_BUNDLE_BYTES))

_MEDIA_TYPES: Final = ("application/x-git-bundle", "application/octet-stream")
_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The output of `git bundle create`.",
        "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _MEDIA_TYPES},
    }
}


@router.post("", status_code=201, response_model=Repository, responses=problems(400, 409, 413, 415))
async def create_repository(body: NewRepository, services: TheServices) -> Json:
    """Register a repository, with an https URL to clone from or without one (bundles are uploaded then)."""
    request = pb.CreateRepositoryRequest(name=body.name, url=body.url or "")
    return to_json(await services.repositories.CreateRepository(request))


@router.get("", response_model=RepositoryPage)
async def list_repositories(services: TheServices, part: Page) -> Json:
    """The organisation's repositories, newest first."""
    found = await services.repositories.ListRepositories(
        pb.ListRepositoriesRequest(page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.repositories, found.next_page_token)


@router.get("/{repository}", response_model=Repository)
async def get_repository(repository: InRepository, services: TheServices) -> Json:
    """One repository, by id or name."""
    return to_json(await services.repositories.GetRepository(pb.GetRepositoryRequest(repository=repository)))


@router.patch("/{repository}", response_model=Repository, responses=problems(400, 412, 413, 415))
async def update_repository(
    repository: InRepository, body: RepositoryChange, services: TheServices, if_match: IfMatch
) -> Json:
    """Change the URL that a repository is cloned from."""
    request = pb.UpdateRepositoryRequest(repository=repository, url=body.url, etag=if_match)
    return to_json(await services.repositories.UpdateRepository(request))


@uploads.post(
    "/{repository}/bundles",
    status_code=201,
    response_model=UploadedBundle,
    responses=problems(409, 413, 415),
    openapi_extra=_FILE | {"x-cost": 10},
)
async def upload_bundle(
    repository: InRepository,
    request: Request,
    services: TheServices,
    commit: Annotated[str, Query(description="Commit to audit; empty = the bundle's HEAD, or its only branch.")] = "",
) -> Json:
    """Upload a git bundle of at most 1 GiB; a corrupt one changes nothing."""
    ensure_media_type(request, *_MEDIA_TYPES)
    uploaded = await upload(
        services.repositories.UploadBundle,
        request,
        pb.UploadBundleRequest(header=pb.BundleHeader(repository=repository, commit=commit)),
        lambda piece: pb.UploadBundleRequest(chunk=piece),
    )
    return to_json(uploaded)
