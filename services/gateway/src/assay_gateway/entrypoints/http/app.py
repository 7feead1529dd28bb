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
from assay_gateway.entrypoints.http import error_handlers, live, openapi
from assay_gateway.entrypoints.http.context import RequestContext
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
    organisations,
    prompts,
    repositories,
    runs,
    service_accounts,
    sessions,
    teams,
)
from assay_gateway.entrypoints.http.routing import operation_id

OPERATORS: Final = frozenset({"/healthz", "/readyz", "/metrics"})

_ROUTERS: Final[tuple[APIRouter, ...]] = (
    accounts.accounts,
    accounts.me,
    sessions.sessions,
    sessions.own_sessions,
    sessions.me,
    sessions.keys,
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
    graphql.router,
)

_DESCRIPTION: Final = """\
Assay tells a team whether a prompt change or a code change is good enough to ship.

Lists take `limit` and `cursor` and answer `items` and `next_cursor`. Errors are problem documents (RFC 9457) whose
`reason` is for programs. Every answer names its `X-Request-ID`; `RateLimit-*` headers tell what is left of the caller's
budget. The organisation's events come over the WebSocket `/ws/live`.
"""


def application(gateway: Gateway, readiness: Readiness) -> ASGIApp:
    """Everything that the port serves."""
    return _Door(HotRead(api(gateway), gateway), ops_app(readiness))


def api(gateway: Gateway) -> FastAPI:
    """The API itself, with its documentation at /docs and /openapi.json."""
    app = _routes()
    app.state.gateway = gateway
    documented = documentation()
    app.openapi = lambda: documented  # type: ignore[method-assign]
    error_handlers.install(app)
    app.add_middleware(RequestContext)
    # A span of the live feed would carry the token of its address away.
    excluded = "/docs,/openapi.json,/ws/live"
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
        redoc_url=None,
        static_url="/docs/assets",
        swagger_ui_oauth2_redirect_url="/docs/oauth2-redirect",
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
        # The instrumentation of `api` is the one that the other parts of the suite use.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
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
