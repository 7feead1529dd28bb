"""Routes that go away say so in every answer and in the documentation."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from assay_gateway.application.limit_rate import LimitRate
from assay_gateway.application.ports import BucketsAway
from assay_gateway.domain.limits import Limits
from assay_gateway.domain.rate import Rate
from assay_gateway.entrypoints.http import error_handlers, openapi
from assay_gateway.entrypoints.http.context import RequestContext
from assay_gateway.entrypoints.http.deprecation import UndatedDeprecationError, deprecation_headers
from assay_gateway.entrypoints.http.route_classes import JsonRoute, PublicRoute
from assay_gateway.settings import HttpSettings

EXTRA = {"x-deprecated-since": "2026-12-01", "x-sunset": "2027-06-01"}
SINCE, UNTIL = "@1796083200", "Tue, 01 Jun 2027 00:00:00 GMT"


async def endpoint(number: int = 1) -> dict[str, int]:
    """An old route."""
    return {"number": number}


class NoValkey:
    """Limits are kept by the process alone."""

    async def lease(self, claims, wanted, needed):
        raise BucketsAway("none here")


@pytest.fixture
def app():
    """An old route beside a new one."""
    app = FastAPI()
    app.router.route_class = PublicRoute
    app.get("/old", deprecated=True, openapi_extra=EXTRA)(endpoint)
    app.get("/new")(endpoint)
    rates = dict.fromkeys(("caller", "owner", "organisation", "address", "public", "refused"), Rate(1, 100))
    http = HttpSettings()
    app.state.gateway = SimpleNamespace(limits=Limits(**rates), limit_rate=LimitRate(NoValkey()), http=http)
    error_handlers.install(app)
    app.add_middleware(RequestContext, security=(), settings=http, stopping=asyncio.Event())
    return app


@pytest.mark.parametrize("query", ["", "?number=x"], ids=["answered", "refused"])
async def test_every_answer_tells_the_days(query, app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        old, new = await http.get(f"/old{query}"), await http.get(f"/new{query}")
    assert old.status_code == new.status_code
    assert (old.headers["deprecation"], old.headers["sunset"]) == (SINCE, UNTIL)
    assert not {"deprecation", "sunset"} & new.headers.keys()


def test_the_documentation_tells_them_too(app):
    old = openapi.document(app)["paths"]["/old"]["get"]
    assert old["deprecated"] is True
    assert {"Deprecation", "Sunset"} <= old["responses"]["200"]["headers"].keys()
    assert "2026-12-01" in old["description"]


def test_a_deprecation_may_have_no_end_yet():
    route = APIRoute("/old", endpoint, deprecated=True, openapi_extra={"x-deprecated-since": "2026-12-01"})
    assert deprecation_headers(route) == [(b"deprecation", SINCE.encode())]


def test_a_deprecation_without_a_day_is_a_mistake():
    with pytest.raises(UndatedDeprecationError):
        JsonRoute("/old", endpoint, deprecated=True)
