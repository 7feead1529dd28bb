"""Wires single sign-on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from assay.auth.v1.single_sign_on_pb2_grpc import add_SingleSignOnServiceServicer_to_server
from assay_auth.adapters.oidc import OpenIdProvider
from assay_auth.application import ports
from assay_auth.application.sso.begin_sign_on import BeginSignOn
from assay_auth.application.sso.complete_sign_on import CompleteSignOn
from assay_auth.application.sso.find_account import FindAccount
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.single_sign_on import SingleSignOnServicer
from assay_auth.settings import SingleSignOnProvider
from assay_common.outbound import Guard, fetcher
from assay_common.rpc.server import Servicer

FETCH_SECONDS: Final = 4.0
"""For one answer of a provider; less than the deadline of a whole request."""


def single_sign_on_service(parts: Parts) -> Servicer:
    """SingleSignOnService."""
    return add_SingleSignOnServiceServicer_to_server, SingleSignOnServicer(
        providers=tuple(parts.providers.values()),
        begin_sign_on=BeginSignOn(parts.uow, parts.providers, parts.public_url, parts.clock),
        complete_sign_on=CompleteSignOn(
            parts.uow, parts.providers, FindAccount(parts.sign_up, parts.clock), parts.open_session, parts.clock
        ),
    )


@asynccontextmanager
async def identity_providers(
    settings: Sequence[SingleSignOnProvider],
) -> AsyncIterator[Mapping[str, ports.IdentityProvider]]:
    """The providers by their ids, each with a client of its own."""
    async with AsyncExitStack() as stack:
        providers: dict[str, ports.IdentityProvider] = {}
        for each in settings:
            guard = Guard(each.allow_private_addresses)
            fetch = await stack.enter_async_context(fetcher(guard, seconds=FETCH_SECONDS))
            providers[each.id] = OpenIdProvider(each, fetch)
        yield providers
