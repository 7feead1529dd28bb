"""Templates: text with `{{ variables }}` and nothing else.

Jinja parses and renders; what the grammar could do beyond naming variables (loops, filters, calls, arithmetic) is
refused when a version is published, so that rendering is linear in the text and cannot run anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from assay_common.errors import Violation
from assay_prompt.domain.errors import UnsupportedTemplateSyntax

_ALLOWED = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name)
_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=True,
    finalize=lambda value: value if isinstance(value, str) else _as_json(value),
)
_ENVIRONMENT.globals.clear()


def variables_of(source: str, field: str) -> frozenset[str]:
    """The variables that a template names.

    Raises:
        UnsupportedTemplateSyntax: it is malformed or does more than name variables; the violation names the line.
    """
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise _unsupported(field, error.lineno, error.message or "malformed template") from error
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise _unsupported(field, node.lineno, "only {{ variable }} is allowed")
    return frozenset(name.name for name in tree.find_all(nodes.Name))


def render(source: str, values: Mapping[str, Any]) -> str:
    """Fill the variables in: text as it is, every other JSON value as compact JSON.

    Every variable of the template must be among `values`.
    """
    return _compiled(source).render(values)


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)


def _as_json(value: Any) -> str:
    # The keys of a protobuf Struct come in another order in each process: sorted, a rendering is always the same.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _unsupported(field: str, line: int, problem: str) -> UnsupportedTemplateSyntax:
    description = f"line {line}: {problem}"
    return UnsupportedTemplateSyntax(f"the template cannot be used: {description}", Violation(field, description))
