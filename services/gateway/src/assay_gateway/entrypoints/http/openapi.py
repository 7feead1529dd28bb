"""The OpenAPI document: what FastAPI derives from the routes, and what all routes do that no route says."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from assay_gateway.entrypoints.http import idempotency
from assay_gateway.entrypoints.http.deprecation import SINCE, UNTIL
from assay_gateway.entrypoints.http.problem_types import problem_types
from assay_gateway.entrypoints.http.problems import MEDIA_TYPE
from assay_gateway.entrypoints.http.route_classes import JsonRoute, PublicRoute, has_etag
from assay_gateway.entrypoints.http.schemas.base import ProblemDocument

REF_TEMPLATE: Final = "#/components/schemas/{model}"

_JSON: Final = "application/json"
_PROBLEM: Final = {"schema": {"$ref": REF_TEMPLATE.format(model="ProblemDocument")}}

_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.MAX_CHARS},
    "example": "7f3b1c9e-0a52-4d0e-9b1e-2f6f0f6f3b11",
    "description": "Any text that no other request of yours uses. The request then takes effect once, however often it "
    "is sent within 24 hours; a repetition gets the first answer, with `Idempotency-Replayed: true`.",
}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`ETag` of the answer that you have; the same answer again is 304.",
}
_ETAG: Final = {"description": "For `If-Match` and `If-None-Match`.", "schema": {"type": "string"}}
_RATE: Final = {
    f"RateLimit-{name}": {"description": description, "schema": {"type": "integer"}}
    for name, description in (
        ("Limit", "What the tightest of the caller's budgets holds."),
        ("Remaining", "What is left in it."),
        ("Reset", "Seconds until it is full again."),
    )
}
_REPLAYED: Final = {"description": "`true` on a repetition.", "schema": {"type": "string", "enum": ["true"]}}
_TEXT: Final = {"schema": {"type": "string"}}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an application's routes."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
    )
    schemas: dict[str, Any] = made["components"]["schemas"]
    schemas |= _problem_schemas()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, JsonRoute) and route.include_in_schema:
            for method in route.methods or ():
                _add_manners(made["paths"][route.path_format][method.lower()], route, method)
    for operations in made["paths"].values():
        for operation in operations.values():
            _add_examples(operation, schemas)
    made["x-problem-types"] = problem_types()
    return made


def _add_manners(operation: dict[str, Any], route: JsonRoute, method: str) -> None:
    """Document what the route class does with every request of this kind."""
    statuses = {429}
    good = [answer for status, answer in operation["responses"].items() if status.startswith(("2", "3"))]
    for answer in good:
        answer.setdefault("headers", {}).update(_RATE)
    if "requestBody" in operation:
        statuses |= {408, 413, 415}
    if method == "POST":
        _add_parameter(operation, _IDEMPOTENCY_KEY)
        statuses |= {409, 422, 503}
        for answer in good:
            answer["headers"]["Idempotency-Replayed"] = _REPLAYED
    if has_etag(route):
        for answer in good:
            answer["headers"]["ETag"] = _ETAG
        if method == "GET":
            _add_parameter(operation, _IF_NONE_MATCH)
            operation["responses"].setdefault("304", {"description": "You have this already."})
    if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", ())):
        statuses |= {412, 422}
    if not isinstance(route, PublicRoute):
        statuses |= {401, 403}
    if route.deprecated:
        extra = route.openapi_extra or {}
        for answer in good:
            answer["headers"] |= {"Deprecation": _TEXT} | ({"Sunset": _TEXT} if UNTIL in extra else {})
        operation["description"] = f"{operation.get('description', '')}\n\nDeprecated since {extra[SINCE]}.".lstrip()
    for status in sorted(statuses):
        _add_problem(operation, status)


def _add_parameter(operation: dict[str, Any], parameter: dict[str, Any]) -> None:
    there = operation.setdefault("parameters", [])
    if all(other["name"].lower() != parameter["name"].lower() for other in there):
        there.append(parameter)


def _add_problem(operation: dict[str, Any], status: int) -> None:
    operation["responses"].setdefault(
        str(status), {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: _PROBLEM}}
    )


def _add_examples(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Show the example of a body's or answer's schema where clients look for it."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (body.get("content", {}).get(_JSON) for body in bodies):
        if content is None or "example" in content or "examples" in content:
            continue
        schema = _resolved(content.get("schema", {}), schemas)
        for example in schema.get("examples", ())[:1]:
            content["example"] = _whole(example, schema, schemas)


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference leads to; of alternatives the one that is not null."""
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    return _resolved(choices[0], schemas) if len(choices) == 1 else schema


def _whole(example: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example with everything that has to be there: what was left out is null."""
    schema = _resolved(schema, schemas)
    match example:
        case dict():
            properties = schema.get("properties", {})
            absent = {name: None for name in schema.get("required", ()) if name not in example}
            return {
                name: _whole(value, properties.get(name, {}), schemas) for name, value in (example | absent).items()
            }
        case list():
            return [_whole(item, schema.get("items", {}), schemas) for item in example]
        case _:
            return example


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template=REF_TEMPLATE, mode="serialization")
    parts: dict[str, Any] = schema.pop("$defs")
    return {"ProblemDocument": schema, **parts}
