"""Lists: `?limit=&cursor=` in, `items` and `next_cursor` out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from google.protobuf.message import Message

from assay_gateway.messages import Json, to_json


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list a client asks for."""

    page_size: int
    page_token: str


async def _slice(
    limit: Annotated[int, Query(ge=1, le=200, description="Most items to return.")] = 50,
    cursor: Annotated[str, Query(description="`next_cursor` of the page before; empty = the first page.")] = "",
) -> Slice:
    return Slice(limit, cursor)


Page = Annotated[Slice, Depends(_slice)]


def page(items: Iterable[Message], next_page_token: str) -> Json:
    """One page as the API shows it."""
    return {"items": [to_json(item) for item in items], "next_cursor": next_page_token or None}
