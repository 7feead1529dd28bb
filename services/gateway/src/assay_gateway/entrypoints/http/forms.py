"""Bodies of HTML forms and of OAuth requests: application/x-www-form-urlencoded, each name once."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from assay_gateway.entrypoints.http.bodies import media_type_of
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.problems import Problem

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MAX_FIELDS: Final = 32
MAX_FORM_BYTES: Final = 64 * 1024


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; an empty one counts as absent (RFC 6749, section 3.1).

    Raises RequestProblem: 415 for another kind of body, 400 for what cannot be read or names a field twice.
    """
    if media_type_of(request) != MEDIA_TYPE:
        raise RequestProblem(Problem(415, "UNSUPPORTED_MEDIA_TYPE", f"the body must be {MEDIA_TYPE}"))
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError:  # UnicodeDecodeError is one.
        raise _malformed("the body cannot be read as a form") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _malformed("the body names a field twice")
    if any("\x00" in value for value in fields.values()):
        raise _malformed("the body has the character U+0000 in it")
    return {name: value for name, value in fields.items() if value}


def documented_form(description: str, required: list[str], **fields: dict[str, Any]) -> dict[str, Any]:
    """The documentation of such a body, for `openapi_extra`."""
    schema = {
        "type": "object",
        "required": required,
        "properties": {name: {"type": "string"} | field for name, field in fields.items()},
    }
    example = {name: field["examples"][0] for name, field in fields.items() if name in required}
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
        }
    }


def _malformed(detail: str) -> RequestProblem:
    return RequestProblem(Problem(400, "MALFORMED_FORM", detail))
