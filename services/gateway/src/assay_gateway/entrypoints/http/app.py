"""The application: routers, error documents, traces, and the short cut of the hot read before it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from starlette.types import ASGIApp, Receive, Scope, Send

from assay_common.ops import Readiness, ops_app
from assay_gateway.entrypoints.graphql import http as graphql
from assay_gateway.entrypoints.graphql import socket as graphql_socket
from assay_gateway.entrypoints.http import docs, error_handlers, live, openapi
from assay_gateway.entrypoints.http.context import RequestContext
from assay_gateway.entrypoints.http.crowd import Crowd
from assay_gateway.entrypoints.http.gateway import Gateway
from assay_gateway.entrypoints.http.hot_read import HotRead
from assay_gateway.entrypoints.http.routes import (
    accounts,
    analytics,
    api_keys,
    audit_trail,
    audits,
    comparisons,
    datasets,
    devices,
    invitations,
    members,
    oauth,
    organisations,
    prompts,
    repositories,
    runs,
    service_accounts,
    sessions,
    single_sign_on,
    teams,
)
from assay_gateway.entrypoints.http.routing import operation_id
from assay_gateway.entrypoints.http.security import across_origins, security_headers
from assay_gateway.entrypoints.web import device, email_links

ASSETS: Final = "/docs/assets"
OPERATORS: Final = frozenset({"/healthz", "/readyz", "/metrics"})

_ROUTERS: Final[tuple[APIRouter, ...]] = (
    accounts.accounts,
    accounts.me,
    sessions.sessions,
    sessions.own_sessions,
    sessions.me,
    sessions.keys,
    single_sign_on.router,
    single_sign_on.browser,
    oauth.router,
    devices.router,
    organisations.router,
    members.router,
    invitations.router,
    invitations.offers,
    teams.router,
    api_keys.router,
    service_accounts.router,
    audit_trail.router,
    prompts.router,
    datasets.router,
    datasets.uploads,
    runs.router,
    runs.models,
    comparisons.router,
    comparisons.decisions,
    repositories.router,
    repositories.uploads,
    audits.router,
    analytics.router,
    live.router,
    live.streams,
    graphql.router,
    graphql_socket.router,
    device.router,
    email_links.verification,
    email_links.reset,
    email_links.invitation,
)

_DESCRIPTION: Final = """\
Assay tells a team whether a prompt change or a code change is good enough to ship.

Lists take `limit` and `cursor` and answer `items` and `next_cursor`. Errors are problem documents (RFC 9457) whose
`reason` is for programs; `x-problem-types` lists all of them. Every answer names its `X-Request-ID`; `RateLimit-*`
headers tell what is left of the tightest of the caller's budgets, from which a request takes one, or its `x-cost`.

Send a POST with an `Idempotency-Key` of your own making to be sure that it takes effect once, however often you repeat
it. Change what has an `etag` with `If-Match`, so that nobody's change is lost (412).

The organisation's events come over the WebSocket `/ws/live`.
"""


def application(gateway: Gateway, readiness: Readiness) -> ASGIApp:
    """Everything that the port serves."""
    answered = across_origins(HotRead(api(gateway), gateway), gateway.cors.allowed)
    return _Door(answered, ops_app(readiness))


def api(gateway: Gateway) -> FastAPI:
    """The API itself, with its documentation at /docs and /openapi.json."""
    app = _routes()
    app.state.gateway = gateway
    documented = documentation()
    app.openapi = lambda: documented  # type: ignore[method-assign]
    error_handlers.install(app)
    app.add_middleware(Crowd, settings=gateway.http)
    app.add_middleware(
        RequestContext,
        security=security_headers(gateway.public_url),
        settings=gateway.http,
        stopping=gateway.stopping,
    )
    # A span of these would carry the token or code of its address away.
    with_secrets = "/ws/,/v1/live,/verify-email,/reset-password,/accept-invitation,/v1/sso/callback"
    excluded = f"/docs,/openapi.json,{with_secrets}"
    FastAPIInstrumentor.instrument_app(app, excluded_urls=excluded, exclude_spans=["receive", "send"])
    return app


@cache
def documentation() -> dict[str, Any]:
    """The OpenAPI document, which depends on the code alone; making it takes longer than a request may wait."""
    return openapi.document(_routes())


def _routes() -> FastAPI:
    app = FastAPIOffline(
        title="Assay",
        summary="Is this change good enough to ship?",
        description=_DESCRIPTION,
        version=version("assay-gateway"),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # `docs` makes the page, under a stricter policy.
        redoc_url=None,
        static_url=ASSETS,
        swagger_ui_oauth2_redirect_url="/docs/oauth2-redirect",
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
        # The instrumentation of `api` is the one that the other parts of the suite use.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    docs.install(app, ASSETS)
    for router in _ROUTERS:
        app.include_router(router)
    return app


class _Door:
    """Sends the operators' requests to their own routes, which are neither counted nor logged."""

    def __init__(self, api: ASGIApp, operators: ASGIApp) -> None:
        self._api = api
        self._operators = operators

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on."""
        operators = scope["type"] == "http" and scope["path"] in OPERATORS
        await (self._operators if operators else self._api)(scope, receive, send)
