"""Every kind of problem that the API answers with; the list is generated from the code (`make problems`)."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any


@cache
def problem_types() -> list[dict[str, Any]]:
    """`type`, `reason`, `status`, `title` and `description` of each, in the order of their reasons."""
    text = resources.files("assay_gateway.entrypoints.http").joinpath("problem_types.json").read_text()
    types: list[dict[str, Any]] = json.loads(text)
    return types
