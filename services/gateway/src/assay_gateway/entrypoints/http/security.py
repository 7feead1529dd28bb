"""What browsers are told: who may call from which page, and what a page of ours may do."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

Headers = tuple[tuple[bytes, bytes], ...]

NO_CONTENT: Final = b"default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of an answer that is no page: if a browser shows it all the same, it does nothing."""
HSTS: Final = b"max-age=31536000"
PREFLIGHT_SECONDS: Final = 600

_REQUEST_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Traceparent",
    "X-Request-ID",
)
_RESPONSE_HEADERS: Final = (
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
    "X-Trace-ID",
)
_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def security_headers(public_url: str) -> Headers:
    """Headers of every answer; browsers are told to stay with TLS only where the public URL has it."""
    headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
    if public_url.startswith("https://"):
        headers.append((b"strict-transport-security", HSTS))
    return tuple(headers)


def policy_for_page(html: str) -> str:
    """Content-Security-Policy of a page with scripts from here: its inline scripts are named by their digests."""
    digests = (
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in _INLINE_SCRIPT.findall(html)
    )
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def across_origins(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Let pages of these origins call the API (Fetch standard, CORS); with none, `app` as it is.

    Credentials are bearer tokens, which a page has to hold; cookies are never sent along.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=_REQUEST_HEADERS,
        expose_headers=_RESPONSE_HEADERS,
        max_age=PREFLIGHT_SECONDS,
    )
