"""assay.auth.v1.SessionService."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import sessions_pb2, sessions_pb2_grpc
from assay_auth.application.sessions.own_sessions import ListSessions, RevokeSessions
from assay_auth.application.sessions.renew_session import RenewSession
from assay_auth.application.sessions.sign_in import SignIn
from assay_auth.application.sessions.sign_out import SignOut
from assay_auth.application.sessions.who_am_i import WhoAmI
from assay_auth.application.tokens.exchange_api_key import ExchangeApiKey
from assay_auth.application.tokens.get_jwks import GetJwks
from assay_auth.entrypoints.grpc.messages import (
    access_token_message,
    identity_message,
    next_page_token,
    page_request,
    session_message,
    tokens_message,
)
from assay_common.identity import principal


@dataclass(frozen=True, slots=True)
class SessionServicer(sessions_pb2_grpc.SessionServiceServicer):
    """Signing in, staying signed in, and the keys that prove it."""

    sign_in: SignIn
    renew_session: RenewSession
    sign_out: SignOut
    list_sessions: ListSessions
    revoke_sessions: RevokeSessions
    exchange_api_key: ExchangeApiKey
    get_jwks: GetJwks
    who_am_i: WhoAmI

    async def SignIn(self, request: sessions_pb2.SignInRequest, context: Any) -> sessions_pb2.Tokens:
        """Open a session."""
        session = await self.sign_in(request.email, request.password, request.organisation, request.one_time_code)
        return tokens_message(session)

    async def RefreshTokens(self, request: sessions_pb2.RefreshTokensRequest, context: Any) -> sessions_pb2.Tokens:
        """Rotate a refresh token."""
        return tokens_message(await self.renew_session(request.refresh_token, request.organisation))

    async def SignOut(self, request: sessions_pb2.SignOutRequest, context: Any) -> Empty:
        """Close a session."""
        await self.sign_out(request.refresh_token)
        return Empty()

    async def ListSessions(
        self, request: sessions_pb2.ListSessionsRequest, context: Any
    ) -> sessions_pb2.ListSessionsResponse:
        """List the caller's open sessions."""
        caller = principal()
        page = await self.list_sessions(caller, page_request(request.page_size, request.page_token))
        return sessions_pb2.ListSessionsResponse(
            sessions=[session_message(session, caller.session_id) for session in page.items],
            next_page_token=next_page_token(page),
        )

    async def RevokeSessions(
        self, request: sessions_pb2.RevokeSessionsRequest, context: Any
    ) -> sessions_pb2.RevokeSessionsResponse:
        """Close one of the caller's sessions, or all others."""
        return sessions_pb2.RevokeSessionsResponse(revoked=await self.revoke_sessions(principal(), request.id))

    async def ExchangeApiKey(
        self, request: sessions_pb2.ExchangeApiKeyRequest, context: Any
    ) -> sessions_pb2.AccessToken:
        """Exchange an API key for an access token."""
        return access_token_message(await self.exchange_api_key(request.api_key))

    async def GetJwks(self, request: sessions_pb2.GetJwksRequest, context: Any) -> sessions_pb2.Jwks:
        """Publish the keys that verify access tokens."""
        return sessions_pb2.Jwks(jwks=await self.get_jwks())

    async def WhoAmI(self, request: sessions_pb2.WhoAmIRequest, context: Any) -> sessions_pb2.Identity:
        """Say who the caller is."""
        return identity_message(await self.who_am_i(principal()))
