"""Keys for machines."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response

from assay.auth.v1 import api_keys_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheGateway, TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.auth import ApiKeyPage, CreatedApiKey, NewApiKey
from assay_gateway.messages import Json, timestamp, to_json

router = api_router("/v1/api-keys", "api keys")


@router.get("", response_model=ApiKeyPage)
async def list_api_keys(services: TheServices, part: Page) -> Json:
    """The organisation's keys, without their secrets."""
    found = await services.api_keys.ListApiKeys(
        pb.ListApiKeysRequest(page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.api_keys, found.next_page_token)


@router.post("", status_code=201, response_model=CreatedApiKey, responses=problems(400, 413, 415))
async def create_api_key(body: NewApiKey, services: TheServices, response: Response) -> Json:
    """Create a key. Its secret is in this answer and nowhere else."""
    request = pb.CreateApiKeyRequest(name=body.name, scopes=body.scopes, expires_at=timestamp(body.expires_at))
    created = await services.api_keys.CreateApiKey(request)
    response.headers["cache-control"] = "no-store"
    return to_json(created)


@router.delete("/{api_key_id}", status_code=204)
async def revoke_api_key(api_key_id: str, services: TheServices, gateway: TheGateway) -> None:
    """Revoke a key for good."""
    revoked = await services.api_keys.RevokeApiKey(pb.RevokeApiKeyRequest(id=api_key_id))
    gateway.authenticate.forget_key(UUID(revoked.id))
