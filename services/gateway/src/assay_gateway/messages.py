"""How a message of the contracts reads as JSON in the HTTP API, and how words of the API are written in messages.

Fields keep their snake_case names; enums are lower-case words without their prefix ("not_measured"); 64-bit integers
are numbers; timestamps are RFC 3339 in UTC; what is absent is null.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Protocol, TypeVar

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from assay_gateway.domain.prompts import Document

Json = dict[str, Any]
N = TypeVar("N", bound=int)


class Enum(Protocol[N]):
    """A generated enum."""

    DESCRIPTOR: EnumDescriptor

    def items(self) -> list[tuple[str, N]]:
        """Names and numbers."""
        ...


_ONE: Final = FieldDescriptor.CPPTYPE_MESSAGE
_ENUM: Final = FieldDescriptor.CPPTYPE_ENUM
_REALS: Final = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


def to_json(message: Message) -> Json:
    """A message as the API shows it."""
    return {name: read(message) for name, read in _readers(message.DESCRIPTOR)}


def to_bytes(document: Json) -> bytes:
    """JSON text, as short as it can be."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def to_document(message: Message) -> Document:
    """A message as a finished answer; the tag is a digest of the body."""
    body = to_bytes(to_json(message))
    return Document(body=body, etag=b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"')


def numbers_of(enum: Enum[N]) -> dict[str, N]:
    """The values of an enum by the words that the API uses for them, without the unspecified one."""
    words = _words(enum.DESCRIPTOR)
    return {word: number for _, number in enum.items() if (word := words[number]) is not None}


def timestamp(moment: datetime | None) -> Timestamp | None:
    """A moment as messages carry it."""
    if moment is None:
        return None
    carried = Timestamp()
    carried.FromDatetime(moment.astimezone(UTC))
    return carried


def rfc3339(moment: Timestamp) -> str:
    """A moment as the API shows it."""
    return moment.ToJsonString()


def struct(values: Json) -> Struct:
    """A JSON object as messages carry it."""
    carried = Struct()
    carried.update(values)
    return carried


@cache
def _readers(descriptor: Descriptor) -> tuple[tuple[str, Callable[[Message], Any]], ...]:
    """How to read every field of a kind of message; worked out once."""
    return tuple((field.name, _reader(field)) for field in descriptor.fields)


def _reader(field: FieldDescriptor) -> Callable[[Message], Any]:
    name = field.name
    convert = _converter(field)
    if field.is_repeated:
        return lambda message: [convert(item) for item in getattr(message, name)]
    if field.has_presence:
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else None
    return lambda message: convert(getattr(message, name))


def _converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.cpp_type == _ONE:
        return _message_converter(field.message_type)
    if field.cpp_type == _ENUM:
        return _words(field.enum_type).get
    if field.cpp_type in _REALS:
        return _finite
    return _as_it_is


def _message_converter(descriptor: Descriptor | None) -> Callable[[Any], Any]:
    match descriptor and descriptor.full_name:
        case Timestamp.DESCRIPTOR.full_name:
            return rfc3339
        case Struct.DESCRIPTOR.full_name:
            return _from_struct
        case _:
            return to_json


@cache
def _words(enum: EnumDescriptor) -> dict[int, str | None]:
    prefix = _common_prefix([value.name for value in enum.values])
    return {
        value.number: None if value.number == 0 else value.name.removeprefix(prefix).lower() for value in enum.values
    }


def _common_prefix(names: Iterable[str]) -> str:
    """The words that all names start with: "AUDIT_STATUS_"."""
    prefix: list[str] = []
    for column in zip(*(name.split("_") for name in names), strict=False):
        if len(set(column)) > 1:
            break
        prefix.append(column[0] + "_")
    return "".join(prefix)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _as_it_is(value: Any) -> Any:
    return value


def _from_struct(carried: Struct) -> Json:
    return {name: _from_value(value) for name, value in carried.fields.items()}


def _from_value(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _from_struct(value.struct_value)
        case "list_value":
            return _from_list(value.list_value)
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) < 2**53 else _finite(number)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _from_list(values: ListValue) -> list[Any]:
    return [_from_value(value) for value in values.values]
