"""Writes what of the client follows from the gateway's OpenAPI document. Run by `make client`.

`models.py` holds a TypedDict for each schema (by datamodel-code-generator), `operations.py` and `async_operations.py` a
method for each operation. With `--check` nothing is written, and a difference ends the program with 1.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay_gateway.entrypoints.http.app import documentation

HERE: Final = Path(__file__).parent
PACKAGE: Final = HERE / "src/assay_client"
HEADER: Final = '"""{docstring} Made from the OpenAPI document by `make client`: do not edit."""\n\n'
METHODS: Final = ("get", "post", "put", "patch", "delete")
BROWSERS_ONLY: Final = frozenset({"begin_sign_on", "complete_sign_on"})
"""Steps of a browser, which no program takes."""
BY_HAND: Final = frozenset({"start_device_authorization", "issue_token", "query_graph_by_address", "stream_events"})
"""Forms of OAuth's and the stream of events, which have modules of their own, and a second address of an operation."""
ENVELOPE: Final = frozenset({"limit", "cursor"})


@dataclass(frozen=True)
class Parameter:
    """A parameter of the path or the query."""

    name: str
    type: str
    place: str
    required: bool

    @property
    def argument(self) -> str:
        """Its name in Python."""
        return {"from": "from_"}.get(self.name, self.name)


@dataclass(frozen=True)
class Operation:
    """One method of the client."""

    name: str
    method: str
    path: str
    tag: str
    words: str
    parameters: tuple[Parameter, ...]
    body: str | None
    body_required: bool
    media_types: tuple[str, ...]
    answer: str | None
    item: str | None
    tagged: bool
    signed: bool

    @property
    def uploads(self) -> bool:
        """Whether the body is a file."""
        return bool(self.media_types)


def operations(document: dict[str, Any]) -> list[Operation]:
    """All operations, in the order of the document."""
    found = []
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods and methods[method]["operationId"] not in BROWSERS_ONLY | BY_HAND:
                found.append(_operation(document, path, method, methods[method]))
    return found


def _operation(document: dict[str, Any], path: str, method: str, described: dict[str, Any]) -> Operation:
    content = described.get("requestBody", {}).get("content", {})
    json_body = content.get("application/json", {}).get("schema")
    answer = _answer(described)
    page = document["components"]["schemas"].get(answer or "", {}).get("properties", {})
    parameters = tuple(_parameter(each) for each in described.get("parameters", ()) if each["in"] != "header")
    is_page = {"limit", "cursor"} <= {each.name for each in parameters}
    return Operation(
        name=described["operationId"],
        method=method.upper(),
        path=path,
        tag=described["tags"][0],
        words=described.get("description") or described["summary"],
        parameters=parameters,
        body=_type(json_body) if json_body else None,
        body_required=described.get("requestBody", {}).get("required", False),
        media_types=tuple(content) if content and not json_body else (),
        answer=answer,
        item=_type(page["items"]["items"]) if is_page else None,
        tagged=any(each["name"].lower() == "if-match" for each in described.get("parameters", ())),
        signed=bool(described.get("security")),
    )


_RAW: Final = {"application/jsonl": "pieces"}
"""Answers that have no end to speak of."""


def _answer(described: dict[str, Any]) -> str | None:
    for status, response in described["responses"].items():
        if status.startswith("2") and response.get("content"):
            media_type, content = next(iter(response["content"].items()))
            return _type(content["schema"]) if media_type == "application/json" else _RAW.get(media_type, "bytes")
    return None


def _parameter(described: dict[str, Any]) -> Parameter:
    schema = described["schema"]
    return Parameter(described["name"], _type(schema), described["in"], described.get("required", False))


_PLAIN: Final = {"integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": str(reference)}:
            found = reference.rpartition("/")[2]
        case {"anyOf": list(options)}:
            found = " | ".join(dict.fromkeys(_type(each) for each in options if each.get("type") != "null"))
        case {"enum": list(words)}:
            found = f"Literal[{', '.join(json.dumps(word) for word in words)}]"
        case {"type": "array", "items": items}:
            found = f"list[{_type(items)}]"
        case _:
            found = _PLAIN.get(schema.get("type", ""), "str")
    return found


def _without_aliases(schema: Any) -> Any:
    """The document without words about the items of lists, from which the generator would make types of their own."""
    match schema:
        case list():
            return [_without_aliases(each) for each in schema]
        case {"type": "array", "items": {"type": "string" | "integer" | "number"} as items}:
            kept = {name: value for name, value in items.items() if name in ("type", "enum")}
            return {**schema, "items": kept}
        case dict():
            return {name: _without_aliases(each) for name, each in schema.items()}
        case _:
            return schema


def models(document: dict[str, Any]) -> str:
    """The module of TypedDicts."""
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "openapi.json", Path(scratch) / "models.py"
        source.write_text(json.dumps(_without_aliases(document)))
        subprocess.run(
            [
                *(sys.executable, "-m", "datamodel_code_generator"),
                *("--input", str(source), "--input-file-type", "openapi", "--output", str(target)),
                *("--output-model-type", "typing.TypedDict", "--target-python-version", "3.11"),
                *("--enum-field-as-literal", "all", "--openapi-scopes", "schemas"),
                *("--use-standard-collections", "--use-union-operator", "--use-schema-description"),
                *("--use-field-description", "--disable-timestamp", "--formatters", "builtin"),
            ],
            check=True,
        )
        text = target.read_text()
    text = text[text.index("from __future__") :].replace(", closed=True", "")
    text = text.replace("from typing_extensions import TypedDict\n", "")
    text = re.sub(r"from typing import (.*)\n", r"from typing import \1, TypedDict\n", text, count=1)
    return HEADER.format(docstring="What the API takes and answers, as typed dictionaries.") + text


def methods(document: dict[str, Any], *, asynchronous: bool) -> str:
    """The module of operations."""
    found = operations(document)
    tags = list(dict.fromkeys(operation.tag for operation in found))
    names = {name for operation in found for name in re.findall(r"\b[A-Z]\w+", _types_of(operation))} - {
        "Literal",
        "Any",
    }
    iterator = "AsyncIterator" if asynchronous else "Iterator"
    base = "AsyncResource" if asynchronous else "Resource"
    lines = [
        HEADER.format(docstring=f"Every operation of the API{', asynchronous' if asynchronous else ''}."),
        "from __future__ import annotations\n\n",
        f"from collections.abc import {iterator}\n",
        "from typing import Any, Literal\n\n",
        "from assay_client.call import Call, Content\n",
        f"from assay_client.{'async_' * asynchronous}resource import {base}\n",
        f"from assay_client.models import {', '.join(sorted(names))}\n\n",
    ]
    for tag in tags:
        class_name = _class_name(tag, asynchronous=asynchronous)
        lines.append(f'\n\nclass {class_name}({base}):\n    """Operations on {tag}."""\n')
        for operation in (each for each in found if each.tag == tag):
            lines.append(_method(operation, asynchronous=asynchronous))
            if operation.item:
                lines.append(_pages(operation, asynchronous=asynchronous))
    lines.append(_groups(tags, asynchronous=asynchronous))
    return "".join(lines)


def _class_name(tag: str, *, asynchronous: bool) -> str:
    words = re.sub(r"[ -]", "", tag.title()).replace("Graphql", "GraphQL")
    return f"{'Async' * asynchronous}{words}Resource"


def _types_of(operation: Operation) -> str:
    types = [operation.body, operation.answer, operation.item, *(each.type for each in operation.parameters)]
    return " ".join(filter(None, types))


def _method(operation: Operation, *, asynchronous: bool) -> str:
    answer = operation.answer or "None"
    call = f"Call({_call(operation)})"
    if answer == "pieces":
        iterator = "AsyncIterator" if asynchronous else "Iterator"
        signature = f"    def {operation.name}({_arguments(operation)}) -> {iterator}[bytes]:\n"
        return f"\n{signature}{_docstring(operation.words)}        return self._pieces({call})\n"
    kind = {"None": "nothing", "bytes": "bytes"}.get(answer, "json")
    await_ = "await " * asynchronous
    body = f"{await_}self._{kind}({call})" if answer == "None" else f"return {await_}self._{kind}({call})"
    define = "async def" if asynchronous else "def"
    signature = f"    {define} {operation.name}({_arguments(operation)}) -> {answer}:\n"
    return f"\n{signature}{_docstring(operation.words)}        {body}\n"


def _pages(operation: Operation, *, asynchronous: bool) -> str:
    iterator = "AsyncIterator" if asynchronous else "Iterator"
    name = operation.name.replace("list_", "iterate_", 1)
    signature = f"    def {name}({_arguments(operation, paged=False)}) -> {iterator}[{operation.item}]:\n"
    words = "The items of every page, or the first `limit` of them."
    call = f"Call({_call(operation, paged=False)})"
    return f"\n{signature}{_docstring(words)}        return self._items({call}, limit)\n"


def _arguments(operation: Operation, *, paged: bool = True) -> str:
    first = [f"{each.argument}: {each.type}" for each in operation.parameters if each.place == "path"]
    if operation.body:
        first.append(f"body: {operation.body}" if operation.body_required else f"body: {operation.body} | None = None")
    if operation.uploads:
        kinds = ", ".join(json.dumps(each) for each in operation.media_types)
        first += ["content: Content", f"media_type: Literal[{kinds}]"]
    named = [
        f"{each.argument}: {each.type}" if each.required else f"{each.argument}: {each.type} | None = None"
        for each in operation.parameters
        if each.place == "query" and (paged or each.name not in ENVELOPE)
    ]
    if not paged:
        named.append("limit: int | None = None")
    if operation.tagged:
        named.append("etag: str | None = None")
    if operation.method == "POST":
        named.append("idempotency_key: str | None = None")
    return ", ".join(["self", *first, *(["*", *named] if named else [])])


def _call(operation: Operation, *, paged: bool = True) -> str:
    path = re.sub(r"\{(\w+)\}", r"{}", operation.path)
    names = [each.argument for each in operation.parameters if each.place == "path"]
    parts = [f'"{operation.method}"', f'"{path}"']
    if names:
        parts.append(f"names=({', '.join(names)},)")
    query = [each for each in operation.parameters if each.place == "query" and (paged or each.name not in ENVELOPE)]
    if query:
        parts.append("query={" + ", ".join(f'"{each.name}": {each.argument}' for each in query) + "}")
    if operation.body:
        parts.append("body=body")
    if operation.uploads:
        parts.append("content=content, media_type=media_type")
    if operation.tagged:
        parts.append("etag=etag")
    if operation.method == "POST":
        parts.append("idempotency_key=idempotency_key")
    if not operation.signed:
        parts.append("signed=False")
    return ", ".join(parts)


def _docstring(words: str) -> str:
    lines = words.strip().splitlines()
    if len(lines) == 1:
        return f'        """{lines[0]}"""\n'
    indented = "\n".join(f"        {line}".rstrip() for line in lines[1:])
    return f'        """{lines[0]}\n{indented}\n        """\n'


def _groups(tags: list[str], *, asynchronous: bool) -> str:
    prefix = "Async" if asynchronous else ""
    base = f"{prefix}Resource"
    lines = [f'\n\nclass {prefix}Operations({base}):\n    """All operations, by what they are about."""\n']
    for tag in tags:
        class_name = _class_name(tag, asynchronous=asynchronous)
        lines.append(
            f"\n    @property\n    def {re.sub(r'[ -]', '_', tag)}(self) -> {class_name}:\n"
            f'        """Operations on {tag}."""\n        return {class_name}(self._transport)\n'
        )
    return "".join(lines)


def formatted(text: str) -> str:
    """The text in the project's style."""
    configuration = ["--config", str(HERE.parent.parent / "pyproject.toml"), "--stdin-filename", "generated.py"]
    sorted_text = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "I,F401", "--fix-only", "--quiet", *configuration, "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return subprocess.run(
        [sys.executable, "-m", "ruff", "format", *configuration, "-"],
        input=sorted_text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    document = documentation()
    return {
        PACKAGE / "models.py": formatted(models(document)),
        PACKAGE / "operations.py": formatted(methods(document, asynchronous=False)),
        PACKAGE / "async_operations.py": formatted(methods(document, asynchronous=True)),
    }


if __name__ == "__main__":
    files = generated()
    if "--check" in sys.argv[1:]:
        stale = [file.name for file, text in files.items() if not file.exists() or file.read_text() != text]
        if stale:
            sys.exit(f"these files are not what the gateway documents; run `make client`: {', '.join(stale)}")
    else:
        for file, text in files.items():
            file.write_text(text)
