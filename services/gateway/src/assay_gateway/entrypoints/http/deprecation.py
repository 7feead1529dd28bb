"""What the answers of a route say that is going away (RFC 9745, RFC 8594)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Final

from fastapi.routing import APIRoute

SINCE: Final = "x-deprecated-since"
"""Key in `openapi_extra`: the day, as YYYY-MM-DD, from which on the route should not be used."""
UNTIL: Final = "x-sunset"
"""Key in `openapi_extra`: the day, as YYYY-MM-DD, from which on it may not answer any more."""


class UndatedDeprecationError(Exception):
    """A route is deprecated and does not say since when: a mistake in the code, found at start-up."""


def deprecation_headers(route: APIRoute) -> list[tuple[bytes, bytes]]:
    """The headers of all answers of a route; none unless it was declared with `deprecated=True`."""
    if not route.deprecated:
        return []
    extra = route.openapi_extra or {}
    if SINCE not in extra:
        raise UndatedDeprecationError(f"{route.path} is deprecated and needs openapi_extra[{SINCE!r}]")
    headers = [(b"deprecation", b"@%d" % _start_of(extra[SINCE]).timestamp())]
    if UNTIL in extra:
        headers.append((b"sunset", format_datetime(_start_of(extra[UNTIL]), usegmt=True).encode()))
    return headers


def _start_of(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)
