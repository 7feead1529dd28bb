"""Single sign-on in the browser: to the identity provider and back."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assay.auth.v1 import single_sign_on_pb2 as pb
from assay_common.errors import InvalidArgument, Violation
from assay_gateway.entrypoints.http.gateway import TheGateway, TheServices
from assay_gateway.entrypoints.http.parameters import InProvider
from assay_gateway.entrypoints.http.routing import problems, public_router
from assay_gateway.entrypoints.http.schemas.sessions import OpenedSession
from assay_gateway.entrypoints.http.schemas.sign_on import ProviderList
from assay_gateway.entrypoints.http.tokens import opened_session
from assay_gateway.entrypoints.web.page_session import PageSession, is_page
from assay_gateway.entrypoints.web.routes import BrowserRoute
from assay_gateway.entrypoints.web.templates import shown
from assay_gateway.messages import Json, to_bytes, to_json

router = public_router("/v1/sso", "single sign-on")
browser = public_router("/v1/sso", "single sign-on", BrowserRoute)

COOKIE: Final = "assay_sso"
COOKIE_PATH: Final = "/v1/sso"
LIFETIME_SECONDS: Final = 600


class ReturnAddressUnknown(InvalidArgument):
    """The browser wants to go to an address that has no page of a signed-in person."""


@router.get("/providers", response_model=ProviderList)
async def list_sign_on_providers(services: TheServices) -> Json:
    """The identity providers to choose from."""
    found = await services.single_sign_on.ListProviders(pb.ListProvidersRequest())
    return {"items": [to_json(provider) for provider in found.providers]}


@browser.get(
    "/{provider}/authorize",
    status_code=302,
    response_class=RedirectResponse,
    responses={
        302: {"description": "To the identity provider, with a cookie that ties its answer to this browser."},
        **problems(404),
    },
)
async def begin_sign_on(
    provider: InProvider,
    services: TheServices,
    gateway: TheGateway,
    return_to: Annotated[
        str,
        Query(max_length=2_000, description="A page of this installation to go to in the end.", examples=["/device"]),
    ] = "",
) -> Response:
    """Begin to sign on: for browsers, which are sent on to the identity provider."""
    if return_to and not is_page(return_to):
        problem = "must be the address of a page of this installation, such as /device"
        raise ReturnAddressUnknown(f"return_to {problem}", Violation("return_to", problem))
    begun = await services.single_sign_on.BeginSignOn(
        pb.BeginSignOnRequest(
            provider=provider, redirect_uri=f"{gateway.public_url}{COOKIE_PATH}/callback", return_to=return_to
        )
    )
    response = RedirectResponse(begun.authorization_url, status_code=302, headers={"cache-control": "no-store"})
    response.set_cookie(
        COOKIE,
        begun.browser_binding,
        max_age=LIFETIME_SECONDS,
        path=COOKIE_PATH,
        secure=gateway.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",  # The identity provider sends the browser here.
    )
    return response


@browser.get(
    "/callback",
    response_model=OpenedSession,
    responses={
        200: {"description": "A session; or, for a browser that came from a page, the way back to it."},
        **problems(401, 403, 409),
    },
)
async def complete_sign_on(
    request: Request,
    services: TheServices,
    gateway: TheGateway,
    state: Annotated[str, Query(max_length=1_024, description="As the identity provider sends it.")] = "",
    code: Annotated[str, Query(max_length=4_096, description="The same; empty when it refused.")] = "",
    error: Annotated[str, Query(max_length=200, description="RFC 6749, section 4.1.2.1.")] = "",
    iss: Annotated[str, Query(max_length=2_000, description="RFC 9207.")] = "",
) -> Response:
    """End signing on: the address that the identity provider sends the browser back to."""
    completed = await services.single_sign_on.CompleteSignOn(
        pb.CompleteSignOnRequest(
            state=state, code=code, browser_binding=request.cookies.get(COOKIE, ""), error=error, issuer=iss
        )
    )
    if is_page(completed.return_to):
        # A redirect would still count as coming from the identity provider's site, and browsers would keep the page's
        # cookie to themselves (SameSite=Strict); a page of our own that goes on does not.
        response: Response = shown("signed_in.html", return_to=completed.return_to)
        PageSession.of(completed.tokens).keep_in(response, completed.return_to, gateway.public_url)
    else:
        response = Response(
            to_bytes(opened_session(completed.tokens)),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )
    response.delete_cookie(COOKIE, path=COOKIE_PATH)
    return response
