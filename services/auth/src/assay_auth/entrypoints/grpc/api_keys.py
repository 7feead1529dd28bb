"""assay.auth.v1.ApiKeyService."""

from dataclasses import dataclass
from typing import Any

from assay.auth.v1 import api_keys_pb2, api_keys_pb2_grpc
from assay_auth.application.machines.create_api_key import CreateApiKey
from assay_auth.application.machines.list_api_keys import ListApiKeys
from assay_auth.application.machines.revoke_api_key import RevokeApiKey
from assay_auth.application.machines.rotate_api_key import RotateApiKey
from assay_auth.domain.api_keys import KeyWish, Limits
from assay_auth.entrypoints.grpc.messages import api_key_message, moment_from, next_page_token, page_request
from assay_common.identity import principal, tenant


@dataclass(frozen=True, slots=True)
class ApiKeyServicer(api_keys_pb2_grpc.ApiKeyServiceServicer):
    """Keys for machines."""

    create_api_key: CreateApiKey
    list_api_keys: ListApiKeys
    rotate_api_key: RotateApiKey
    revoke_api_key: RevokeApiKey

    async def CreateApiKey(self, request: api_keys_pb2.CreateApiKeyRequest, context: Any) -> api_keys_pb2.CreatedApiKey:
        """Create a key."""
        expires_at = moment_from("expires_at", request.expires_at) if request.HasField("expires_at") else None
        wish = KeyWish(
            request.name,
            tuple(request.scopes),
            expires_at,
            Limits(tuple(request.prompts), tuple(request.repositories)),
            request.service_account_id,
        )
        created = await self.create_api_key(principal(), tenant(), wish)
        return api_keys_pb2.CreatedApiKey(api_key=api_key_message(created.key), secret=created.secret)

    async def ListApiKeys(
        self, request: api_keys_pb2.ListApiKeysRequest, context: Any
    ) -> api_keys_pb2.ListApiKeysResponse:
        """List the keys of the caller's organisation."""
        asked = page_request(request.page_size, request.page_token)
        page = await self.list_api_keys(tenant(), asked, request.service_account_id)
        return api_keys_pb2.ListApiKeysResponse(
            api_keys=map(api_key_message, page.items), next_page_token=next_page_token(page)
        )

    async def RotateApiKey(self, request: api_keys_pb2.RotateApiKeyRequest, context: Any) -> api_keys_pb2.CreatedApiKey:
        """Draw a new secret."""
        created = await self.rotate_api_key(principal(), tenant(), request.id, request.overlap_seconds)
        return api_keys_pb2.CreatedApiKey(api_key=api_key_message(created.key), secret=created.secret)

    async def RevokeApiKey(self, request: api_keys_pb2.RevokeApiKeyRequest, context: Any) -> api_keys_pb2.ApiKey:
        """Revoke a key."""
        return api_key_message(await self.revoke_api_key(principal(), tenant(), request.id))
