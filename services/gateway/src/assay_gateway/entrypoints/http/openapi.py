"""The OpenAPI document: what FastAPI derives from the routes, and the problem documents they share."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from assay_gateway.entrypoints.http.schemas.base import ProblemDocument

REF_TEMPLATE = "#/components/schemas/{model}"


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
    made["components"]["schemas"] |= _problem_schemas()
    return made


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template=REF_TEMPLATE, mode="serialization")
    parts: dict[str, Any] = schema.pop("$defs")
    return {"ProblemDocument": schema, **parts}
