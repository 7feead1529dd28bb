"""The combinations of values in which the chart has to work: each is rendered, and held against the API's schemas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Any

import yaml

Values = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "deploy" / "helm" / "assay" / "examples"
BASES = ("minimal", "external", "large", "standalone")
"""The examples over which each combination is rendered."""

GATEWAY = {"name": "edge", "namespace": "istio-ingress", "sectionName": "https"}
HOSTS = ["assay.example.com"]

MESHES: dict[str, Values] = {
    "no mesh": {},
    "sidecar": {
        "mesh": {
            "mode": "sidecar",
            "clients": ["istio-ingress/edge-istio"],
            "requestAuthentication": {"jwksUri": "https://assay.example.com/.well-known/jwks.json"},
        }
    },
    "ambient": {"mesh": {"mode": "ambient", "edge": "PERMISSIVE"}},
    "ambient without waypoint": {"mesh": {"mode": "ambient", "waypoint": {"enabled": False}}},
}

ROUTES: dict[str, Values] = {
    "no route": {},
    "HTTPRoute": {"route": {"kind": "HTTPRoute", "hosts": HOSTS, "parentRefs": [GATEWAY]}},
    "canary": {
        "route": {"kind": "HTTPRoute", "parentRefs": [GATEWAY], "trustedProxies": ["10.0.0.0/8"]},
        "canary": {"enabled": True, "tag": "0.2.0", "weight": 5},
    },
    "Ingress": {
        "route": {"kind": "Ingress", "hosts": HOSTS, "ingressClassName": "any", "tls": {"secretName": "assay-tls"}}
    },
}

KEDA: dict[str, Values] = {
    "HPA": {"autoscaling": {"keda": False}},
    "KEDA": {"autoscaling": {"keda": True}},
}


@dataclass(frozen=True)
class Combination:
    """One choice of each, and the values that say it."""

    name: str
    changes: tuple[Values, ...]

    def over(self, base: Values) -> Values:
        """The base with the changes, as Helm merges several values files."""
        result = base
        for change in self.changes:
            result = merged(result, change)
        return result


def combinations(mesh: str) -> Iterator[Combination]:
    """All with one mesh: the routes, each with and without KEDA."""
    for (route, routed), (scaler, scaled) in product(ROUTES.items(), KEDA.items()):
        yield Combination(f"{mesh}, {route}, {scaler}", (MESHES[mesh], routed, scaled))


def some_combinations(mesh: str) -> Iterator[Combination]:
    """Each route with one mesh, by turns with and without KEDA: half of them all."""
    scalers = cycle(KEDA.items() if mesh in ("no mesh", "ambient") else reversed(KEDA.items()))
    for (route, routed), (scaler, scaled) in zip(ROUTES.items(), scalers, strict=False):
        yield Combination(f"{mesh}, {route}, {scaler}", (MESHES[mesh], routed, scaled))


def base(name: str, defaults: Values) -> Values:
    """The values of an example, with all monitoring asked for."""
    loaded: Values = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    return merged(loaded, _watched(defaults))


def _watched(defaults: Values) -> Values:
    """The values that ask for all monitoring, wherever it is a question of what the cluster knows."""
    prometheus = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    return {"monitoring": _asked_for(defaults["monitoring"]), "networkPolicy": {"monitoring": [prometheus]}}


def _asked_for(values: Values) -> Values:
    return {
        key: True if value == "auto" else _asked_for(value)
        for key, value in values.items()
        if value == "auto" or isinstance(value, dict)
    }


def merged(base: Values, changes: Values) -> Values:
    """The values with changes, as Helm merges several values files."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return result
