"""Entity tags over HTTP (RFC 9110, sections 8.8.3 and 13): lost updates are refused, unchanged answers not sent again.

A resource that can be changed has a member `etag`, which a change names in `If-Match`. The `ETag` header is that member
and a digest of the answer, because an answer may show more than its own state (a team's number of members), and a
client that asks with `If-None-Match` must hear of that too. A change may name either of the two.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Final

from fastapi import Depends, Header
from starlette.requests import Request
from starlette.responses import Response

from assay_common.errors import InvalidArgument, Violation
from assay_gateway.domain.prompts import matches

_OPAQUE: Final = r"[\x21\x23-\x7e]"
_OWN: Final = r"[\x21\x23-\x2d\x2f-\x7e]"
"""What a service's own tag may consist of: anything that an entity tag may, but for the dot before the digest."""
_ONE_TAG: Final = re.compile(rf'(?:W/)?"({_OWN}+)(?:\.{_OPAQUE}*)?"')
_CARRIED: Final = re.compile(rf"{_OWN}+")
_KEPT_BY_304: Final = frozenset({"cache-control", "content-location", "expires", "vary"})


class IfMatchInvalid(InvalidArgument):
    """The header If-Match is not one entity tag."""


async def _if_match(
    if_match: Annotated[
        str,
        Header(
            description="`ETag` of the state that the change was decided on; a resource changed since then is left as "
            "it is (412). Absent or `*` = whatever its state is.",
            examples=['"7"'],
        ),
    ] = "",
) -> str:
    return asked_tag(if_match)


IfMatch = Annotated[str, Depends(_if_match)]
"""The tag that a change names, as services know it; empty when it names none."""


def asked_tag(if_match: str) -> str:
    """The service's tag in the value of an If-Match header; raises IfMatchInvalid.

    A weak tag is taken for a strong one: proxies weaken tags when they compress, and a tag here names a state.
    """
    value = if_match.strip()
    if value in ("", "*"):
        return ""
    found = _ONE_TAG.fullmatch(value)
    if found is None:
        problem = 'must be one entity tag, such as "7", or *'
        raise IfMatchInvalid(f"If-Match {problem}", Violation("/if-match", problem))
    return found[1]


def tagged(request: Request, response: Response) -> Response:
    """The answer for one resource with its `ETag`; 304 for a reader that has it already."""
    etag = _etag_of(response)
    if etag is None:
        return response
    response.headers["etag"] = etag
    asked = request.headers.get("if-none-match")
    if request.method != "GET" or asked is None or not matches(etag.encode(), asked.encode("latin-1")):
        return response
    kept = {name: value for name, value in response.headers.items() if name in _KEPT_BY_304}
    return Response(status_code=304, headers={**kept, "etag": etag}, background=response.background)


def _etag_of(response: Response) -> str | None:
    if not 200 <= response.status_code < 300 or not getattr(response, "body", b""):
        return None
    body = bytes(response.body)
    own = json.loads(body).get("etag")
    if not isinstance(own, str) or not _CARRIED.fullmatch(own):
        return None
    return f'"{own}.{hashlib.sha256(body).hexdigest()[:16]}"'
