"""The session of a page: in a cookie that no script reads, that no other site's request carries, for ten minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from assay.auth.v1 import sessions_pb2 as pb
from assay_common.errors import Unauthenticated
from assay_common.identity import Principal
from assay_gateway.entrypoints.http.gateway import Gateway

COOKIE: Final = "assay_page"
LIFETIME_SECONDS: Final = 600
PAGES: Final = frozenset({"/device", "/accept-invitation"})
"""The pages that know a signed-in person."""

_BETWEEN: Final = "~"
"""Stands in neither token."""


@dataclass(frozen=True, slots=True)
class PageSession:
    """The tokens of whoever is signed in to a page."""

    access_token: str
    refresh_token: str

    @classmethod
    def of(cls, tokens: pb.Tokens) -> PageSession:
        """A session that was just opened."""
        return cls(tokens.access.access_token, tokens.refresh_token)

    @classmethod
    def in_cookie(cls, request: Request) -> PageSession | None:
        """The session that a browser shows; None when it shows none."""
        access_token, between, refresh_token = request.cookies.get(COOKIE, "").partition(_BETWEEN)
        return cls(access_token, refresh_token) if between else None

    def keep_in(self, response: Response, page: str, public_url: str) -> None:
        """Let the browser keep the session, for this page only."""
        response.set_cookie(
            COOKIE,
            f"{self.access_token}{_BETWEEN}{self.refresh_token}",
            max_age=LIFETIME_SECONDS,
            path=urlsplit(page).path,
            secure=public_url.startswith("https://"),
            httponly=True,
            samesite="strict",
        )

    async def person(self, gateway: Gateway) -> Principal | None:
        """Who is signed in; None when the session is over."""
        try:
            return await gateway.authenticate(self.access_token)
        except Unauthenticated:
            return None

    async def close(self, gateway: Gateway, response: Response, page: str) -> None:
        """End the session here and at auth: a page needs it for one thing only."""
        await gateway.services.sessions.SignOut(pb.SignOutRequest(refresh_token=self.refresh_token))
        response.delete_cookie(COOKIE, path=urlsplit(page).path)


def is_page(address: str) -> bool:
    """Whether an address is that of a page which knows a signed-in person, on this very site."""
    if not address.startswith("/") or address.startswith("//") or not address.isascii() or not address.isprintable():
        return False
    return "\\" not in address and urlsplit(address).path in PAGES
