import pytest
from grpc_health.v1 import health_pb2

from assay.auth.v1 import sessions_pb2
from assay.prompt.v1 import prompts_pb2
from assay_common.errors import PermissionDenied
from assay_common.rpc.authorisation import (
    Authoriser,
    MissingPermission,
    TokenMissing,
    UndeclaredPermissionError,
    permissions_of,
)
from assay_common.rpc.jwks import TokenInvalid, TokenVerifier

SIGN_IN = "/assay.auth.v1.SessionService/SignIn"
WHO_AM_I = "/assay.auth.v1.SessionService/WhoAmI"
CREATE = "/assay.prompt.v1.PromptService/CreatePrompt"

SERVICES = [
    sessions_pb2.DESCRIPTOR.services_by_name["SessionService"],
    prompts_pb2.DESCRIPTOR.services_by_name["PromptService"],
]


@pytest.fixture
def authorise(issuer):
    return Authoriser(permissions_of(SERVICES), TokenVerifier(issuer.fetch))


def test_permissions_are_read_from_the_contracts():
    permissions = permissions_of(SERVICES)
    assert permissions[SIGN_IN] == "public"
    assert permissions[WHO_AM_I] == "authenticated"
    assert permissions[CREATE] == "prompts:write"


def test_an_rpc_without_a_permission_is_refused_at_start():
    with pytest.raises(UndeclaredPermissionError, match=r"/grpc\.health\.v1\.Health/"):
        permissions_of([health_pb2.DESCRIPTOR.services_by_name["Health"]])


@pytest.mark.parametrize("authorization", [None, "", "Bearer garbage"])
async def test_a_public_rpc_asks_for_nothing(authorise, authorization):
    assert await authorise(SIGN_IN, authorization) is None


async def test_an_authenticated_rpc_asks_for_a_token_only(authorise, issuer):
    assert (await authorise(WHO_AM_I, f"Bearer {issuer.token()}")).permissions == frozenset()


async def test_the_scheme_is_case_insensitive(authorise, issuer):
    assert await authorise(WHO_AM_I, f"bearer {issuer.token()}")


@pytest.mark.parametrize("path", [WHO_AM_I, CREATE])
@pytest.mark.parametrize("authorization", [None, "", "Basic dXNlcjpwYXNz", "Bearer"])
async def test_without_a_bearer_token_it_is_refused(authorise, path, authorization):
    with pytest.raises(TokenMissing):
        await authorise(path, authorization)


async def test_a_bad_token_is_refused(authorise):
    with pytest.raises(TokenInvalid):
        await authorise(CREATE, "Bearer garbage")


async def test_the_missing_permission_is_named(authorise, issuer):
    with pytest.raises(MissingPermission) as refusal:
        await authorise(CREATE, f"Bearer {issuer.token('prompts:read', 'prompts:writer')}")
    assert refusal.value.reason == "MISSING_PERMISSION"
    assert refusal.value.details == {"permission": "prompts:write"}
    assert await authorise(CREATE, f"Bearer {issuer.token('prompts:write')}")


async def test_an_rpc_that_nobody_declared_is_closed(authorise, issuer):
    with pytest.raises(PermissionDenied):
        await authorise("/somebody.Else/Call", f"Bearer {issuer.token('prompts:write')}")


async def test_health_and_reflection_are_open(authorise):
    assert await authorise("/grpc.health.v1.Health/Check", None) is None
    assert await authorise("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", None) is None
