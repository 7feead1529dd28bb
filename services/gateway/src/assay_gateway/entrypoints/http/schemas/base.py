"""What all bodies and answers have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from assay_common.errors import InvalidArgument, Violation
from assay_gateway.entrypoints.http.problems import pointer_to
from assay_gateway.entrypoints.http.schemas.examples import add_example

MAX_DEPTH: Final = 32
"""How deep a body may be nested; protobuf takes 100 levels, a level of JSON costs three of them."""
MAX_NUMBER: Final = 2**53
"""Numbers travel as doubles inside; above this not every integer is one (RFC 8259, section 6)."""

T = TypeVar("T")

JsonObject = dict[str, JsonValue]


class InvalidRequest(InvalidArgument):
    """The body holds something that no service could take."""


class Part(BaseModel):
    """A part of a body: unknown fields are refused, and nothing is converted silently."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, json_schema_extra=add_example)


class Body(Part):
    """A whole body."""

    @model_validator(mode="before")
    @classmethod
    def _can_be_carried(cls, value: Any) -> Any:
        """Refuse, wherever it stands, what neither protobuf nor PostgreSQL can carry."""
        found = _unfit(value, ())
        if found is not None:
            place, description = found
            raise InvalidRequest("the request is not valid", Violation(pointer_to(place), description))
        return value


class Shown(BaseModel):
    """An answer, or a part of one: every field is always there, null where it has no value."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_serialization_defaults_required=True, json_schema_extra=add_example
    )


class PageOf(Shown, Generic[T]):
    """A part of a list."""

    items: list[T]
    next_cursor: Annotated[
        str | None,
        Field(description="`cursor` of the next page; null at the end.", examples=["eyJpZCI6IjAxOTlmM2QyIn0"]),
    ]


class ErrorAt(Shown):
    """What is wrong with one part of a request."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) to the part.", examples=["/content/text"])]
    detail: Annotated[str, Field(examples=["must not be empty"])]


class ProblemDocument(Shown):
    """A problem (RFC 9457). Some kinds carry more members, such as `permission` on a 403."""

    type: Annotated[str, Field(examples=["https://assay.dev/problems/version-not-found"])]
    title: Annotated[str, Field(examples=["Version not found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(examples=["support-triage has no version 9"])]
    instance: Annotated[str, Field(description="Path of the request.", examples=["/v1/prompts/support-triage/resolve"])]
    request_id: Annotated[
        str, Field(description="To be named when asking for help.", examples=["0199f3d28b1e7c4a9d352f6c1e7a8b90"])
    ]
    reason: Annotated[str, Field(description="The rule that was broken, for programs.", examples=["VERSION_NOT_FOUND"])]
    errors: list[ErrorAt]


Place = tuple[int | str, ...]


def _unfit(value: Any, place: Place) -> tuple[Place, str] | None:
    """Where and why a JSON value cannot be carried on; None when it can."""
    problem = _own_problem(value, len(place))
    if problem is not None:
        return place, problem
    match value:
        case dict():
            return _first_unfit([*value.items(), *((key, key) for key in value)], place)
        case list():
            return _first_unfit(enumerate(value), place)
        case _:
            return None


def _own_problem(value: Any, depth: int) -> str | None:
    match value:
        case str() if not _is_text(value):
            return "must be text without the character U+0000 and without lone surrogates"
        case bool():
            return None
        case int() | float() if not _is_carried_exactly(value):
            return f"must be a number between -{MAX_NUMBER} and {MAX_NUMBER}"
        case dict() | list() if depth >= MAX_DEPTH:
            return f"is nested more than {MAX_DEPTH} levels deep"
        case _:
            return None


def _first_unfit(items: Iterable[tuple[int | str, Any]], place: Place) -> tuple[Place, str] | None:
    return next((found for key, item in items if (found := _unfit(item, (*place, key))) is not None), None)


def _is_text(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_carried_exactly(number: float) -> bool:
    return (isinstance(number, int) or math.isfinite(number)) and abs(number) <= MAX_NUMBER
