"""Every RPC asks for its permission."""

import grpc
import pytest
from google.protobuf import message_factory

from assay_auth.bootstrap import SERVICES
from assay_protos.permissions import AUTHENTICATED, PUBLIC, all_permissions, permission_of

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED

RPCS = {f"/{service.full_name}/{method.name}": method for service in SERVICES for method in service.methods}
PERMISSIONS = {path: permission_of(path) for path in RPCS}
PUBLIC_RPCS = sorted(path for path in RPCS if PERMISSIONS[path] == PUBLIC)
CLOSED = sorted(path for path in RPCS if PERMISSIONS[path] != PUBLIC)
GUARDED = sorted(path for path in CLOSED if PERMISSIONS[path] != AUTHENTICATED)


def test_there_are_all_kinds():
    assert PUBLIC_RPCS
    assert GUARDED
    assert set(CLOSED) > set(GUARDED)


async def call(world, path, metadata=()):
    """Call the RPC with an empty request."""
    request, response = (
        message_factory.GetMessageClass(each) for each in (RPCS[path].input_type, RPCS[path].output_type)
    )
    stub = world.channel.unary_unary(path, request.SerializeToString, response.FromString)
    return await stub(request(), metadata=metadata)


@pytest.mark.parametrize("path", CLOSED)
async def test_no_token(world, refused, path):
    with refused(UNAUTHENTICATED, "TOKEN_MISSING"):
        await call(world, path)


@pytest.mark.parametrize("path", CLOSED)
async def test_a_token_of_somebody_elses_key(world, refused, issuer, path):
    for token in ("garbage", issuer.token(*all_permissions()), issuer.unsigned(*all_permissions())):
        with refused(UNAUTHENTICATED, "TOKEN_INVALID"):
            await call(world, path, (("authorization", f"Bearer {token}"),))


@pytest.mark.parametrize("path", GUARDED)
async def test_a_token_with_every_other_permission(world, refused, path):
    metadata = await world.token(*(all_permissions() - {PERMISSIONS[path]}))
    with refused(grpc.StatusCode.PERMISSION_DENIED, "MISSING_PERMISSION") as refusal:
        await call(world, path, metadata)
    assert refusal.details == {"permission": PERMISSIONS[path]}


@pytest.mark.parametrize("path", PUBLIC_RPCS)
async def test_a_public_rpc_looks_at_no_token(world, path):
    try:
        await call(world, path, (("authorization", "Bearer garbage"),))
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
