"""The WebSocket /graphql, by the protocol graphql-transport-ws
(https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).

Who listens is said by an Authorization header, or by `connection_init` with the payload
`{"authorization": "Bearer …"}`, which is what browsers can do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from assay_common.errors import AssayError
from assay_common.identity import Principal, act_as
from assay_common.rpc.errors import RemoteError
from assay_gateway.entrypoints.graphql.loaders import Loaders
from assay_gateway.entrypoints.graphql.schema import schema
from assay_gateway.entrypoints.http.admission import address_of, authenticated, bearer_of
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.gateway import Gateway, Services, gateway_of

router = APIRouter()

MAX_SUBSCRIPTIONS: Final = 20
"""Subscriptions at once on one connection."""


@dataclass(slots=True)
class SocketContext:
    """What the resolvers on one WebSocket work with; who asks is known once the connection was begun."""

    websocket: WebSocket
    gateway: Gateway
    address: str
    loaders: Loaders
    connection_params: Any = None
    known: Principal | None = None

    @property
    def services(self) -> Services:
        """The services behind."""
        return self.gateway.services

    @property
    def caller(self) -> Principal:
        """Who listens."""
        assert self.known is not None  # noqa: S101 - no operation is run on a connection that was not begun
        return self.known


class _Socket(GraphQL[SocketContext, None]):
    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> SocketContext:
        """The context of a fresh connection."""
        assert isinstance(request, WebSocket)  # noqa: S101 - requests by HTTP are answered elsewhere
        gateway = gateway_of(request)
        # What was read stays true for a request, not for a connection: nothing is remembered.
        return SocketContext(request, gateway, address_of(request), Loaders.over(gateway.services, remember=False))

    async def on_ws_connect(self, context: SocketContext) -> None:
        """Find out who listens; raises ConnectionRejectionError (close code 4403)."""
        context.known = await _authenticated(context)
        act_as(context.known)


_socket = _Socket(
    schema,
    graphql_ide=None,
    subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
    connection_init_wait_timeout=timedelta(seconds=10),
    max_subscriptions_per_connection=MAX_SUBSCRIPTIONS,
)


@router.websocket("/graphql")
async def graphql_socket(websocket: WebSocket) -> None:
    """Queries and subscriptions."""
    await _socket(websocket.scope, websocket.receive, websocket.send)


async def _authenticated(context: SocketContext) -> Principal:
    headers = dict(context.websocket.headers)
    match context.connection_params:
        case {"authorization": str(authorization)}:
            headers["authorization"] = authorization
        case _:
            pass
    try:
        caller = await authenticated(context.websocket, context.gateway, bearer_of(headers))
    except (AssayError, RemoteError, RequestProblem) as error:
        raise ConnectionRejectionError from error
    decision = await context.gateway.limit_rate(context.gateway.limits.of_caller(caller, context.address))
    if not decision.allowed:
        raise ConnectionRejectionError
    return caller
