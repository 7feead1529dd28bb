"""Every value is described, is known to the schema, and stands in the README's tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.deploy import values_table
from tests.deploy.values_table import resolved

OF_KUBERNETES = {
    "global",
    "affinity",
    "podSelector",
    "namespaceSelector",
    "securityContext",
}
"""Objects that are passed on as they are: the API server knows their schemas, and looks at them."""


def test_the_tables_are_those_of_the_values() -> None:
    assert values_table.README.read_text() == values_table.readme(), "make chart-docs writes them"


def test_every_value_is_described() -> None:
    """By a comment right above its key that begins with `# --`, or above the map it stands in."""
    found = [value for section in values_table.sections() for value in section.values]

    assert len(found) > 60
    assert [".".join(value.path) for value in found if not value.description] == []


def test_every_key_of_a_component_is_described_in_the_schema() -> None:
    assert [key for key, part in values_table.component_keys() if not values_table.described(part)] == []


def test_the_schema_knows_every_value_and_no_other(defaults: dict[str, Any]) -> None:
    whole = values_table.schema()
    described = {value.path for section in values_table.sections() for value in section.values}
    known = {_up_to(described, path) for path in _known(whole, whole, ())}
    given = {_up_to(described, path) for path in _given(whole, defaults)}

    assert given - known == set(), "in values.yaml but not in values.schema.json"
    assert known - given == {("global",)}, "in values.schema.json but not in values.yaml"


def test_the_schema_is_closed_at_every_level() -> None:
    whole = values_table.schema()
    open_ones = [
        path
        for path, part in _objects(whole, ())
        if "additionalProperties" not in part and path[-1] not in OF_KUBERNETES and path[-2:] != ("objects", "items")
    ]

    assert open_ones == []
    assert not [path for path, part in _objects(whole, ()) if part.get("additionalProperties") is True]


def test_components_may_have_what_defaults_have() -> None:
    whole = values_table.schema()

    assert set(whole["properties"]["defaults"]["properties"]) <= set(whole["definitions"]["component"]["properties"])


def _up_to(described: set[tuple[str, ...]], path: tuple[str, ...]) -> tuple[str, ...]:
    """The path, or the map above it that is described as a whole."""
    return next((path[:length] for length in range(1, len(path)) if path[:length] in described), path)


def _known(whole: dict[str, Any], part: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of the schema down to what has no named properties."""
    properties = resolved(whole, part).get("properties")
    if not properties:
        yield path
        return
    for key, below in properties.items():
        yield from _known(whole, below, (*path, key))


def _given(whole: dict[str, Any], values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of the values, as deep as the schema names properties."""
    part = whole
    for key in path:
        part = resolved(whole, part).get("properties", {}).get(key, {})
    if isinstance(values, dict) and (not path or resolved(whole, part).get("properties")):
        for key, below in values.items():
            yield from _given(whole, below, (*path, key))
    else:
        yield path


def _objects(part: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every part of the schema that describes an object."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield path or ("",), part
        for key, below in part.items():
            yield from _objects(below, (*path, key))
    elif isinstance(part, list):
        for below in part:
            yield from _objects(below, path)
