"""Pages of a list: an opaque cursor that remembers where the last page ended, and a bounded size."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from assay_common.errors import InvalidArgument, Violation

T = TypeVar("T")

MAX_CURSOR_CHARACTERS: Final = 2048


class MalformedCursor(InvalidArgument):
    """The cursor was not given out by this service."""


class PageSizeOutOfRange(InvalidArgument):
    """A page cannot have fewer than no entries."""


def encode_cursor(value: Mapping[str, str]) -> str:
    """Make an opaque, URL-safe cursor of the sort key of a page's last row."""
    return base64.urlsafe_b64encode(json.dumps(dict(value)).encode()).rstrip(b"=").decode()


def decode_cursor(token: str) -> dict[str, str]:
    """Read a cursor back.

    Raises:
        MalformedCursor: it is not one of `encode_cursor`.
    """
    if len(token) > MAX_CURSOR_CHARACTERS:
        raise malformed_cursor()
    try:
        value = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise malformed_cursor() from error
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise malformed_cursor()
    return value


def page_size(requested: int, default: int = 50, maximum: int = 200) -> int:
    """Choose the number of entries of a page: 0 means the default, and more than the maximum means the maximum.

    Raises:
        PageSizeOutOfRange: the number is negative.
    """
    if requested < 0:
        raise PageSizeOutOfRange("a page size is not negative", Violation("page_size", f"{requested} is negative"))
    return min(requested or default, maximum)


def cut(rows: Sequence[T], size: int, sort_key: Callable[[T], Mapping[str, str]]) -> tuple[Sequence[T], str]:
    """Cut rows that were read with a limit of `size + 1` to a page, and make the token of the next one.

    The token is empty when there is no next page.
    """
    page = rows[:size]
    return page, encode_cursor(sort_key(page[-1])) if len(rows) > size else ""


def cursor(token: str, kind: Callable[[str], T]) -> T | None:
    """The sort key called `after`, behind which a page begins; None for the first page.

    Raises:
        MalformedCursor: the token is not one of `encode_cursor`, or holds no such key.
    """
    if not token:
        return None
    try:
        return kind(decode_cursor(token)["after"])
    except (KeyError, ValueError) as error:
        raise malformed_cursor() from error


def malformed_cursor() -> MalformedCursor:
    """The refusal of a cursor that was not given out, or holds something that no page could begin behind."""
    return MalformedCursor(
        "the page token is not one of ours", Violation("page_token", "not given out by this service")
    )
