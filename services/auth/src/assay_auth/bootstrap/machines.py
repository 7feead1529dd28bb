"""Wires API keys."""

from assay.auth.v1.api_keys_pb2_grpc import add_ApiKeyServiceServicer_to_server
from assay_auth.application.machines.create_api_key import CreateApiKey
from assay_auth.application.machines.list_api_keys import ListApiKeys
from assay_auth.application.machines.revoke_api_key import RevokeApiKey
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.api_keys import ApiKeyServicer
from assay_common.rpc.server import Servicer


def api_key_service(parts: Parts) -> Servicer:
    """ApiKeyService."""
    return add_ApiKeyServiceServicer_to_server, ApiKeyServicer(
        create_api_key=CreateApiKey(parts.uow, parts.model, parts.find_standing, parts.clock),
        list_api_keys=ListApiKeys(parts.uow),
        revoke_api_key=RevokeApiKey(parts.uow, parts.find_standing, parts.clock),
    )
