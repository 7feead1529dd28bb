"""Whether a form was sent from a page of this site: nobody else may make a browser post here (CSRF)."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.problems import Problem


def ensure_same_origin(request: Request, public_url: str) -> None:
    """Raise RequestProblem (403) for a form of another site.

    Browsers say where a request comes from in headers that no page can set: `Sec-Fetch-Site` where the connection is
    trustworthy, `Origin` with every POST. One that says neither is no browser of today and is refused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site == "same-origin"
    else:
        origin = request.headers.get("origin", "")
        # A page cannot choose the host that its browser asks, either: behind a proxy it may differ from the setting.
        allowed = origin == public_url or (origin != "" and urlsplit(origin).netloc == request.headers.get("host"))
    if not allowed:
        raise RequestProblem(Problem(403, "FOREIGN_FORM", "the form was not sent from a page of this site"))
