"""An example of every body and answer, put together from the examples of their fields.

A field's example stands at the field, or at its type; a model whose fields depend on each other says its own.
"""

from __future__ import annotations

from datetime import datetime
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

MOMENT: Final = "2026-03-01T09:30:00Z"
_SCALARS: Final[dict[Any, Any]] = {bool: True, int: 2, float: 0.5, datetime: MOMENT, type(None): None}


class NoExample(TypeError):
    """A field whose example cannot be guessed has none."""


def add_example(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Put the example of a model into its JSON schema; a `json_schema_extra` for all models."""
    schema.setdefault("examples", [example_of(model)])


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """A whole object: what may be left out is in it when it has an example of its own."""
    own = model.model_config.get("json_schema_extra")
    examples = own.get("examples") if isinstance(own, dict) else None
    if isinstance(examples, list) and isinstance(examples[0], dict):
        return dict(examples[0])
    shown: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        example = _example_of_field(model, name, field)
        if field.is_required() or example is not None:
            shown[field.alias or name] = example
    return shown


def _example_of_field(model: type[BaseModel], name: str, field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    try:
        return _example_of_type(field.annotation)
    except NoExample:
        if not field.is_required():
            return None
        raise NoExample(f"{model.__name__}.{name} needs an example") from None


def _example_of_type(annotation: Any) -> Any:
    if hasattr(annotation, "__metadata__"):
        return _example_of_annotated(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        return _example_of_type(arguments[0])
    if origin is list:
        return [_example_of_type(arguments[0])]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return example_of(annotation)
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    raise NoExample(str(annotation))


def _example_of_annotated(annotation: Any) -> Any:
    for part in reversed(annotation.__metadata__):
        if isinstance(part, FieldInfo) and part.examples:
            return part.examples[0]
    return _example_of_type(annotation.__origin__)
