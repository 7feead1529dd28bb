"""Signing in on a page."""

from __future__ import annotations

from assay.auth.v1 import sessions_pb2, single_sign_on_pb2
from assay_gateway.entrypoints.http.gateway import Services
from assay_gateway.entrypoints.web.page_session import PageSession
from assay_gateway.entrypoints.web.refusals import refusals


async def signed_in(services: Services, form: dict[str, str]) -> PageSession:
    """The session of who filled the form in; raises Refused."""
    with refusals():
        tokens = await services.sessions.SignIn(
            sessions_pb2.SignInRequest(
                email=form.get("email", ""),
                password=form.get("password", ""),
                one_time_code=form.get("one_time_code", "").replace(" ", ""),
            )
        )
    return PageSession.of(tokens)


async def providers(services: Services) -> list[single_sign_on_pb2.Provider]:
    """The identity providers to offer."""
    found = await services.single_sign_on.ListProviders(single_sign_on_pb2.ListProvidersRequest())
    return list(found.providers)
