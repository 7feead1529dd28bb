"""Signing in, staying signed in, and who one is."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from assay.auth.v1 import sessions_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheGateway, TheServices
from assay_gateway.entrypoints.http.routing import api_router, problems, public_router
from assay_gateway.entrypoints.http.schemas.auth import Identity, Jwks, Refresh, Revoke, Session, SignIn
from assay_gateway.messages import Json, rfc3339, to_json

sessions = public_router("/v1/sessions", "sessions")
me = api_router("/v1", "sessions")
keys = APIRouter(tags=["sessions"], responses=problems(503, 504))


@sessions.post("", status_code=201, response_model=Session, responses=problems(400, 401, 413, 415))
async def sign_in(body: SignIn, services: TheServices, response: Response) -> Json:
    """Open a session with an e-mail address and a password."""
    request = pb.SignInRequest(email=body.email, password=body.password, organisation=body.organisation or "")
    return _session(await services.sessions.SignIn(request), response)


@sessions.post("/refresh", status_code=201, response_model=Session, responses=problems(400, 401, 413, 415))
async def refresh_session(body: Refresh, services: TheServices, response: Response) -> Json:
    """Exchange a refresh token for new tokens; each works once, and using one twice closes the session."""
    request = pb.RefreshTokensRequest(refresh_token=body.refresh_token, organisation=body.organisation or "")
    return _session(await services.sessions.RefreshTokens(request), response)


@sessions.post("/revoke", status_code=204, responses=problems(400, 401, 413, 415))
async def revoke_session(body: Revoke, services: TheServices) -> None:
    """Close a session: its refresh tokens work no longer, its access token until it expires."""
    await services.sessions.SignOut(pb.SignOutRequest(refresh_token=body.refresh_token))


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


def _session(tokens: pb.Tokens, response: Response) -> Json:
    response.headers["cache-control"] = "no-store"
    expires_at = tokens.access.expires_at.ToDatetime(UTC)
    return {
        "access_token": tokens.access.access_token,
        "token_type": "Bearer",
        "expires_in": max(0, round((expires_at - datetime.now(UTC)).total_seconds())),
        "expires_at": rfc3339(tokens.access.expires_at),
        "organisation_id": tokens.access.organisation_id or None,
        "refresh_token": tokens.refresh_token,
        "refresh_expires_at": rfc3339(tokens.refresh_expires_at),
    }
