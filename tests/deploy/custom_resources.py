"""Schemas of the kinds that Kubernetes learns from others.

Those of Istio, KEDA and the Prometheus operator come from models that are published of their definitions. For the
Gateway API there are none: its schemas are the part that the chart uses. The models are of a certain version each; a
field that came later is named in LATER, and a cluster with the definitions knows better (tests/cluster/test_strict.py).
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from importlib import import_module
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

MODELS: Final = {
    "security.istio.io/v1": "cloudcoil.models.istio.security.v1",
    "networking.istio.io/v1": "cloudcoil.models.istio.networking.v1",
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}
LATER: Final = {
    "ScaledObject": {("spec", "fallback", "behavior")},
}
"""Fields that are newer than the models."""

_NAME: Final = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}
_PORT: Final = {"type": "integer", "minimum": 1, "maximum": 65535}
_DURATION: Final = {"type": "string", "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"}


def _closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


_MATCH: Final = _closed(
    path=_closed(
        ("type", "value"),
        type={"enum": ["Exact", "PathPrefix", "RegularExpression"]},
        value={"type": "string", "pattern": "^/", "maxLength": 1024},
    ),
    headers=_list(
        _closed(
            ("name", "value"),
            type={"enum": ["Exact", "RegularExpression"]},
            name={"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_|~-]+$"},
            value={"type": "string", "minLength": 1},
        ),
        16,
    ),
    method={"enum": ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]},
)
_BACKEND: Final = _closed(
    ("name", "port"), name=_NAME, port=_PORT, weight={"type": "integer", "minimum": 0, "maximum": 1_000_000}
)
_FROM: Final = {"type": "object", "additionalProperties": False, "properties": {"from": {"enum": ["All", "Same"]}}}
GATEWAY_API: Final = {
    "HTTPRoute": _closed(
        ("parentRefs", "rules"),
        parentRefs=_list(_closed(("name",), name=_NAME, namespace=_NAME, sectionName=_NAME, port=_PORT), 32),
        hostnames=_list({"type": "string", "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}, 16),
        rules=_list(
            _closed(
                ("matches", "backendRefs"),
                matches=_list(_MATCH, 64),
                timeouts=_closed(request=_DURATION, backendRequest=_DURATION),
                backendRefs=_list(_BACKEND, 16),
            ),
            16,
        ),
    ),
    "Gateway": _closed(
        ("gatewayClassName", "listeners"),
        gatewayClassName=_NAME,
        infrastructure=_closed(
            labels={"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 8},
            parametersRef=_closed(
                ("group", "kind", "name"), group={"type": "string"}, kind={"type": "string"}, name=_NAME
            ),
        ),
        listeners=_list(
            _closed(
                ("name", "port", "protocol"),
                name=_NAME,
                port=_PORT,
                protocol={"type": "string"},
                allowedRoutes=_closed(namespaces=_FROM),
            ),
            64,
        ),
    ),
}


class NotAgreed(AssertionError):
    """An object does not agree with the schema of its kind."""


def is_custom(document: dict[str, Any]) -> bool:
    """Whether Kubernetes itself does not know the kind."""
    group = document["apiVersion"].partition("/")[0]
    return "." in group and not (group.endswith(".k8s.io") and not group.startswith("gateway."))


def validate(document: dict[str, Any]) -> None:
    """Raises NotAgreed with all that is wrong; fields that the kind does not have are wrong."""
    kind, name = document["kind"], document["metadata"]["name"]
    stripped = deepcopy(document)
    for path in LATER.get(kind, ()):
        _drop(stripped, path)
    problems = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[-300:]}"
        for each in _validator(document["apiVersion"], kind).iter_errors(stripped)
        if (error := best_match([each]))
    ]
    if problems:
        raise NotAgreed(f"{kind} {name}\n  " + "\n  ".join(problems))


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    if api_version.startswith("gateway.networking.k8s.io/"):
        return Draft202012Validator(
            _closed(
                ("apiVersion", "kind", "metadata", "spec"),
                apiVersion={"const": "gateway.networking.k8s.io/v1"},
                kind={"const": kind},
                metadata={"type": "object"},
                spec=GATEWAY_API[kind],
            )
        )
    model = getattr(import_module(MODELS[api_version]), kind)
    return Draft202012Validator(_without_other_fields(model.model_json_schema(by_alias=True)))


def _without_other_fields(schema: Any) -> Any:
    """The schema with every object closed whose fields it names; the models pass over fields that they do not know."""
    if isinstance(schema, list):
        return [_without_other_fields(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _without_other_fields(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema["properties"] and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


def _drop(document: dict[str, Any], path: tuple[str, ...]) -> None:
    *above, last = path
    at: Any = document
    for key in above:
        at = at.get(key) if isinstance(at, dict) else None
    if isinstance(at, dict):
        at.pop(last, None)
