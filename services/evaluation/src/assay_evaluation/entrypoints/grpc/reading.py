"""What the requests of all three services have in common: ids, names, cursors and structs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from grpc.aio import ServicerContext

from assay_common.errors import InvalidArgument, NotFound, Violation
from assay_common.postgres.pages import MalformedCursor, decode_cursor

T = TypeVar("T")
Context = ServicerContext[Any, Any]


class FieldMissing(InvalidArgument):
    """A field that the request needs is empty; the violation names it."""


def required(field: str, value: str) -> str:
    """The value of a field that must not be empty. Raises FieldMissing."""
    if not value:
        raise FieldMissing(f"{field} is missing", Violation(field, "must not be empty"))
    return value


def id_of(field: str, value: str, missing: type[NotFound]) -> UUID:
    """The id in a field. Raises FieldMissing when it is empty, and `missing` when nothing can have such an id."""
    try:
        return UUID(required(field, value))
    except ValueError:
        raise missing(f"there is nothing with the id {value!r}", **{field: value[:100]}) from None


def cursor(token: str, kind: Callable[[str], T]) -> T | None:
    """Where the last page ended, or None for the first page. Raises MalformedCursor."""
    if not token:
        return None
    try:
        return kind(decode_cursor(token)["after"])
    except (KeyError, ValueError) as error:
        problem = Violation("page_token", "not given out for this list")
        raise MalformedCursor("the page token is not one of ours", problem) from error


def mapping(struct: Struct) -> dict[str, Any]:
    """A struct as a mapping; whole numbers get their form back, for a Struct knows floating-point numbers only."""
    values: dict[str, Any] = _with_integers(json_format.MessageToDict(struct))
    return values


def _with_integers(value: Any) -> Any:
    match value:
        case dict():
            return {name: _with_integers(item) for name, item in value.items()}
        case list():
            return [_with_integers(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
