"""What the requests of all three services have in common: ids, names and structs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from grpc.aio import ServicerContext

from assay_common.errors import InvalidArgument, NotFound, Violation

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
