"""Wires sessions and the tokens of API keys."""

from assay.auth.v1.sessions_pb2_grpc import add_SessionServiceServicer_to_server
from assay_auth.application.sessions.own_sessions import ListSessions, RevokeSessions
from assay_auth.application.sessions.renew_session import RenewSession
from assay_auth.application.sessions.sign_in import SignIn
from assay_auth.application.sessions.sign_out import SignOut
from assay_auth.application.sessions.who_am_i import WhoAmI
from assay_auth.application.tokens.exchange_api_key import ExchangeApiKey
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.sessions import SessionServicer
from assay_common.rpc.server import Servicer


def session_service(parts: Parts) -> Servicer:
    """SessionService."""
    return add_SessionServiceServicer_to_server, SessionServicer(
        sign_in=SignIn(parts.uow, parts.authenticate, parts.open_session, parts.clock),
        renew_session=RenewSession(parts.uow, parts.open_session, parts.clock),
        sign_out=SignOut(parts.uow, parts.clock),
        exchange_api_key=ExchangeApiKey(parts.uow, parts.model, parts.issue_access_token, parts.key_uses, parts.clock),
        list_sessions=ListSessions(parts.uow, parts.clock),
        revoke_sessions=RevokeSessions(parts.uow, parts.clock),
        get_jwks=parts.get_jwks,
        who_am_i=WhoAmI(parts.uow, parts.clock),
    )
