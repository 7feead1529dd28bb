"""Keys for machines."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from assay.auth.v1 import api_keys_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheGateway, TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.machines import ApiKeyPage, CreatedApiKey, KeyRotation, NewApiKey
from assay_gateway.messages import Json, timestamp, to_json

router = api_router("/v1/api-keys", "api keys")


@router.get("", response_model=ApiKeyPage)
async def list_api_keys(
    services: TheServices,
    part: Page,
    service_account_id: Annotated[
        str, Query(max_length=100, description="Only keys of this service account; empty = all.")
    ] = "",
) -> Json:
    """The organisation's keys, without their secrets."""
    request = pb.ListApiKeysRequest(
        page_size=part.page_size, page_token=part.page_token, service_account_id=service_account_id
    )
    found = await services.api_keys.ListApiKeys(request)
    return page(found.api_keys, found.next_page_token)


@router.post("", status_code=201, response_model=CreatedApiKey, responses=problems(400, 409, 413, 415))
async def create_api_key(body: NewApiKey, services: TheServices, response: Response) -> Json:
    """Create a key. Its secret is in this answer and nowhere else."""
    request = pb.CreateApiKeyRequest(
        name=body.name,
        scopes=body.scopes,
        expires_at=timestamp(body.expires_at),
        prompts=body.prompts,
        repositories=body.repositories,
        service_account_id=body.service_account_id or "",
    )
    created = await services.api_keys.CreateApiKey(request)
    response.headers["cache-control"] = "no-store"
    return to_json(created)


@router.post(
    "/{api_key_id}/rotate", status_code=201, response_model=CreatedApiKey, responses=problems(400, 409, 413, 415)
)
async def rotate_api_key(
    api_key_id: InId, services: TheServices, response: Response, body: KeyRotation | None = None
) -> Json:
    """Draw a new secret for the same rights; the old one works on for the overlap."""
    overlap = body.overlap_seconds if body is not None else None
    created = await services.api_keys.RotateApiKey(pb.RotateApiKeyRequest(id=api_key_id, overlap_seconds=overlap or 0))
    response.headers["cache-control"] = "no-store"
    return to_json(created)


@router.delete("/{api_key_id}", status_code=204)
async def revoke_api_key(api_key_id: InId, services: TheServices, gateway: TheGateway) -> None:
    """Revoke a key for good."""
    revoked = await services.api_keys.RevokeApiKey(pb.RevokeApiKeyRequest(id=api_key_id))
    gateway.authenticate.forget_key(UUID(revoked.id))
