"""Routes that go away say so in every answer and in the documentation."""

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from assay_gateway.entrypoints.http.deprecation import UndatedDeprecationError, deprecation_headers
from assay_gateway.entrypoints.http.route_classes import JsonRoute


async def endpoint() -> None: ...


def test_the_day_is_told_as_the_standards_say():
    extra = {"x-deprecated-since": "2026-12-01", "x-sunset": "2027-06-01"}
    route = APIRoute("/old", endpoint, deprecated=True, openapi_extra=extra)
    assert deprecation_headers(route) == [
        (b"deprecation", b"@1796083200"),
        (b"sunset", b"Tue, 01 Jun 2027 00:00:00 GMT"),
    ]


def test_a_route_in_use_says_nothing():
    assert deprecation_headers(APIRoute("/new", endpoint)) == []


def test_a_deprecation_without_a_day_is_a_mistake():
    with pytest.raises(UndatedDeprecationError):
        JsonRoute("/old", endpoint, deprecated=True)


async def test_documents_stay_readable():
    app = FastAPI()
    app.router.route_class = JsonRoute
    app.get("/old", deprecated=True, openapi_extra={"x-deprecated-since": "2026-12-01"})(endpoint)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        document = (await http.get("/openapi.json")).json()
    assert document["paths"]["/old"]["get"]["deprecated"] is True
