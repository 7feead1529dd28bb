"""Lists: `first` and `after` in, `nodes` and `pageInfo` out (the cursor connections of Relay, without edges)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Generic, TypeVar

import strawberry
from google.protobuf.message import Message

from assay_common.errors import InvalidArgument, Violation
from assay_gateway.messages import to_json

T = TypeVar("T")

DEFAULT_FIRST: Final = 20
MAX_FIRST: Final = 200

First = Annotated[int, strawberry.argument(description=f"Most nodes to return, 1 to {MAX_FIRST}.")]
After = Annotated[str | None, strawberry.argument(description="`pageInfo.endCursor` of the page before.")]


@strawberry.type(description="Where a page ends.")
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    nodes: list[T]
    page_info: PageInfo


def page_arguments(first: int, after: str | None) -> dict[str, Any]:
    """The page as the services' requests name it; raises InvalidArgument."""
    if not 1 <= first <= MAX_FIRST:
        raise InvalidArgument("the request is not valid: first", Violation("first", f"must be 1 to {MAX_FIRST}"))
    return {"page_size": first, "page_token": after or ""}


def connection(messages: Iterable[Message], next_page_token: str) -> Any:
    """A page as the schema's default resolver reads it."""
    end = next_page_token or None
    return {
        "nodes": [to_json(message) for message in messages],
        "page_info": {"has_next_page": end is not None, "end_cursor": end},
    }
