"""The tables of values in the chart's README, made from values.yaml and its schema: `make chart-docs` writes them.

A value is described by the comment lines right above its key, the first of which begins with `# --`. The keys of a
component that are in no defaults are described in the schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "assay"
README = CHART / "README.md"
BEGIN, END = "<!-- values: written by make chart-docs -->", "<!-- end of values -->"
LONGEST_DEFAULT = 80
"""Characters; a longer default is to be read in values.yaml."""
DATA = frozenset({"components"})
"""Values whose keys are the user's own: their entries are not described one by one."""
MARK = re.compile(r"^\s*#\s?(-- ?)?")


@dataclass(frozen=True)
class Value:
    """One value that may be set."""

    path: tuple[str, ...]
    default: Any
    description: str
    """Empty when values.yaml says nothing about it."""


@dataclass(frozen=True)
class Section:
    """A top-level key with all below it."""

    name: str
    introduction: str
    values: tuple[Value, ...]


def sections() -> list[Section]:
    """All values, as values.yaml orders them."""
    text = (CHART / "values.yaml").read_text()
    lines = text.splitlines()
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    made = []
    for key, node in root.value:
        described, plain = _comment(lines, key.start_mark.line)
        values = [] if key.value in DATA else list(_values(lines, (key.value,), node, described))
        made.append(Section(key.value, plain if not described else "", tuple(values)))
    return made


def _values(lines: list[str], path: tuple[str, ...], node: yaml.Node, description: str) -> Iterator[Value]:
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        below = [(key, child, _comment(lines, key.start_mark.line)[0]) for key, child in node.value]
        # A map that is described as a whole, as resources are, has nothing more to say about its keys.
        if not description or any(each for *_, each in below):
            for key, child, described in below:
                yield from _values(lines, (*path, key.value), child, described)
            return
    yield Value(path, yaml.safe_load(yaml.serialize(node)), description)


def _comment(lines: list[str], at: int) -> tuple[str, str]:
    """The description above a line, and the comment above it that is none."""
    above: list[str] = []
    while at > 0 and lines[at - 1].lstrip().startswith("#"):
        at -= 1
        above.insert(0, lines[at])
        if "# --" in lines[at]:
            return " ".join(MARK.sub("", line).strip() for line in above), ""
    return "", "\n".join(MARK.sub("", line, count=1).rstrip() for line in above)


def schema() -> dict[str, Any]:
    """The schema of the values."""
    loaded: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return loaded


def at(path: tuple[str, ...]) -> dict[str, Any]:
    """What the schema says about a value; raises KeyError when it does not know it."""
    whole = schema()
    found = whole
    for key in path:
        properties = resolved(whole, found).get("properties", {})
        found = properties[key]
    return resolved(whole, found)


def resolved(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A part of the schema, or what it refers to."""
    while "$ref" in part:
        part = whole["definitions"][part["$ref"].rpartition("/")[2]]
    return part


def type_of(part: dict[str, Any]) -> str:
    """The type of a value in a word."""
    whole = schema()
    part = resolved(whole, part)
    if "enum" in part:
        return " \\| ".join(f"`{json.dumps(each) if isinstance(each, bool) else each}`" for each in part["enum"])
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(type_of(each) for each in part["anyOf"]))
    kind = part.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {type_of(part['items'])}s" if "enum" not in part["items"] else "list"
    return str(kind)


def text() -> str:
    """What stands between the two marks of the README."""
    parts = []
    single = [value for section in sections() for value in section.values if len(value.path) == 1]
    parts.append(_table(single))
    for section in sections():
        rows = [value for value in section.values if len(value.path) > 1]
        if rows or section.name in DATA:
            parts.append(f"### {section.name}\n")
            if section.name in DATA:
                parts.append(_component_table())
            else:
                parts.append(f"{section.introduction}\n\n{_table(rows)}" if section.introduction else _table(rows))
    return "\n".join(parts)


def _table(values: list[Value]) -> str:
    rows = [_row(f"`{'.'.join(value.path)}`", value) for value in values]
    return "\n".join(["| value | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def _row(name: str, value: Value) -> str:
    return f"| {name} | {type_of(at(value.path))} | {_default(value.default)} | {_cell(value.description)} |"


def _component_table() -> str:
    properties = component_keys()
    rows = [f"| `components.<name>.{key}` | {type_of(part)} | {_cell(described(part))} |" for key, part in properties]
    head = "Each entry is a component; `null` takes one away. It has these, and whatever `defaults` has:\n"
    return "\n".join([head, "| value | type | meaning |", "|---|---|---|", *rows, ""])


def component_keys() -> list[tuple[str, dict[str, Any]]]:
    """The keys of a component that have no default, with their part of the schema."""
    properties = schema()["definitions"]["component"]["properties"]
    defaults = schema()["properties"]["defaults"]["properties"]
    return [(key, part) for key, part in properties.items() if key not in defaults]


def described(part: dict[str, Any]) -> str:
    """The schema's description of a part, or of what it refers to."""
    return str(part.get("description") or resolved(schema(), part).get("description", ""))


def _default(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return f"`{shown}`" if len(shown) <= LONGEST_DEFAULT else "see values.yaml"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def readme() -> str:
    """The README with its tables made anew."""
    before, begin, rest = README.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README} lacks the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(readme())
