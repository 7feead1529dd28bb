"""A page of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from assay_audit.domain.errors import MalformedRequest
from assay_audit.domain.repository import as_id
from assay_common.errors import Violation
from assay_common.postgres.pages import decode_cursor, encode_cursor

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries, and the token of the page after them; an empty one ends the list."""

    items: Sequence[T]
    next_page_token: str


def page_of(rows: Sequence[tuple[UUID, T]], size: int) -> Page[T]:
    """Make a page of rows with their ids, of which one more than the size was asked for."""
    shown = rows[:size]
    token = encode_cursor({"id": str(shown[-1][0])}) if len(rows) > size else ""
    return Page([row for _, row in shown], token)


def last_id(page_token: str) -> UUID | None:
    """The id after which the page begins, None for the first page. Raises InvalidArgument for a token not ours."""
    if not page_token:
        return None
    found = as_id(decode_cursor(page_token).get("id", ""))
    if found is None:
        problem = Violation("page_token", "not given out by this service")
        raise MalformedRequest("the page token is not one of ours", problem)
    return found
