"""Every RPC asks for its permission, and for an organisation."""

import grpc
import pytest
from google.protobuf import message_factory

from assay_evaluation.bootstrap import SERVICES
from assay_protos.permissions import all_permissions, permission_of

RPCS = {f"/{service.full_name}/{method.name}": method for service in SERVICES for method in service.methods}


def test_these_are_the_rpcs():
    assert len(RPCS) == 18
    assert {permission_of(path) for path in RPCS} == {
        "datasets:read",
        "datasets:write",
        "evaluations:read",
        "evaluations:write",
        "labels:write",
    }


@pytest.fixture
def call(channel):
    """Calls an RPC with an empty request and a token, or without one."""

    async def make(path, token=None):
        method = RPCS[path]
        request, response = (message_factory.GetMessageClass(each) for each in (method.input_type, method.output_type))
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        codecs = (request.SerializeToString, response.FromString)
        if method.client_streaming:
            return await channel.stream_unary(path, *codecs)(iter([request()]), metadata=metadata)
        return await channel.unary_unary(path, *codecs)(request(), metadata=metadata)

    return make


async def test_a_caller_needs_a_token_the_permission_and_an_organisation(call, refused, issuer):
    for path in RPCS:
        with refused("UNAUTHENTICATED", "TOKEN_MISSING"):
            await call(path)
        with refused("UNAUTHENTICATED", "TOKEN_INVALID"):
            await call(path, issuer.unsigned(*all_permissions()))
        with refused("PERMISSION_DENIED", "MISSING_PERMISSION") as refusal:
            await call(path, issuer.token(*(all_permissions() - {permission_of(path)})))
        assert refusal.details == {"permission": permission_of(path)}
        if not path.endswith("/ListModels"):  # the catalogue is the installation's, not an organisation's
            with refused("PERMISSION_DENIED", "ORGANISATION_NOT_CHOSEN"):
                await call(path, issuer.token(permission_of(path), org=None))


async def test_the_permission_alone_opens_the_rpc(call, issuer):
    """An empty request is then refused for what it lacks, or answered."""
    for path in RPCS:
        try:
            await call(path, issuer.token(permission_of(path)))
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (path, error.details())
