"""The documentation page: Swagger UI from files of our own, under a policy that lets nothing else in."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from assay_gateway.entrypoints.http.security import policy_for_page


def install(app: FastAPI, assets: str) -> None:
    """Show the documentation of `app` at /docs; `assets` is where the files of Swagger UI are."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon.png",
    )
    html = bytes(page.body).decode()
    policy = policy_for_page(html)

    async def documentation(_request: Request) -> Response:
        return HTMLResponse(html, headers={"content-security-policy": policy})

    app.add_route("/docs", documentation, include_in_schema=False)
