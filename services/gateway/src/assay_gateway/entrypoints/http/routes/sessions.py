"""Signing in, staying signed in, and who one is."""

from __future__ import annotations

from fastapi import APIRouter, Response

from assay.auth.v1 import sessions_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheGateway, TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems, public_router
from assay_gateway.entrypoints.http.schemas.sessions import (
    Identity,
    Jwks,
    OpenedSession,
    Refresh,
    Revoke,
    SessionPage,
    SignIn,
)
from assay_gateway.entrypoints.http.tokens import opened_session
from assay_gateway.messages import Json, to_json

sessions = public_router("/v1/sessions", "sessions")
own_sessions = api_router("/v1/sessions", "sessions")
me = api_router("/v1", "sessions")
keys = APIRouter(tags=["sessions"], responses=problems(503, 504))

_BODY = problems(400, 401, 413, 415)


@sessions.post("", status_code=201, response_model=OpenedSession, responses=_BODY, openapi_extra={"x-cost": 5})
async def sign_in(body: SignIn, services: TheServices, response: Response) -> Json:
    """Open a session with an e-mail address and a password, and a code for who has a second factor."""
    request = pb.SignInRequest(
        email=body.email,
        password=body.password,
        organisation=body.organisation or "",
        one_time_code=body.one_time_code or "",
    )
    return _opened(await services.sessions.SignIn(request), response)


@sessions.post("/refresh", status_code=201, response_model=OpenedSession, responses={**_BODY, **problems(404)})
async def refresh_session(body: Refresh, services: TheServices, response: Response) -> Json:
    """Exchange a refresh token for new tokens; each works once, and using one twice closes the session."""
    request = pb.RefreshTokensRequest(refresh_token=body.refresh_token, organisation=body.organisation or "")
    return _opened(await services.sessions.RefreshTokens(request), response)


@sessions.post("/revoke", status_code=204, responses=_BODY)
async def revoke_session(body: Revoke, services: TheServices) -> None:
    """Close a session by its refresh token."""
    await services.sessions.SignOut(pb.SignOutRequest(refresh_token=body.refresh_token))


@own_sessions.get("", response_model=SessionPage)
async def list_sessions(services: TheServices, part: Page) -> Json:
    """The caller's open sessions, newest first."""
    found = await services.sessions.ListSessions(
        pb.ListSessionsRequest(page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.sessions, found.next_page_token)


@own_sessions.delete("/{session_id}", status_code=204)
async def close_session(session_id: InId, services: TheServices) -> None:
    """Close one of the caller's sessions."""
    await services.sessions.RevokeSessions(pb.RevokeSessionsRequest(id=session_id))


@own_sessions.delete("", status_code=204)
async def close_other_sessions(services: TheServices) -> None:
    """Close all of the caller's sessions but the current one."""
    await services.sessions.RevokeSessions(pb.RevokeSessionsRequest())


@me.get("/me", response_model=Identity)
async def get_me(services: TheServices) -> Json:
    """Who the caller is, in which organisation, with which permissions."""
    return to_json(await services.sessions.WhoAmI(pb.WhoAmIRequest()))


@keys.get("/.well-known/jwks.json", response_model=Jwks)
async def get_jwks(gateway: TheGateway) -> Response:
    """The public keys that verify access tokens (RFC 7517)."""
    return Response(
        await gateway.keys.current(), media_type="application/json", headers={"cache-control": "public, max-age=60"}
    )


def _opened(tokens: pb.Tokens, response: Response) -> Json:
    response.headers["cache-control"] = "no-store"
    return opened_session(tokens)
