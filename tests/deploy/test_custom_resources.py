"""In every combination of values, the objects agree with the schemas of their kinds, Kubernetes' own and others'."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import kubernetes_validate
import pytest
from tests.deploy import custom_resources
from tests.deploy.custom_resources import LATER, NotAgreed
from tests.deploy.matrix import BASES, MESHES, base, combinations, merged, some_combinations

AGREED = set[str]()
"""Objects that need not be looked at again: most are the same in many combinations."""


@pytest.mark.parametrize("example", BASES)
@pytest.mark.parametrize("mesh", MESHES)
def test_every_combination_agrees_with_the_schemas(
    mesh: str, example: str, defaults: dict[str, Any], render: Any
) -> None:
    for combination in some_combinations(mesh):
        rendering = render(combination.over(base(example, defaults)))
        names = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in rendering.objects]
        assert len(names) == len(set(names)), combination.name
        for document in rendering.objects:
            text = json.dumps(document, sort_keys=True)
            if text not in AGREED:
                _validate(document)
                AGREED.add(text)


def test_the_schemas_refuse_what_is_wrong(render: Any, defaults: dict[str, Any]) -> None:
    """Each kind with one field too many, and with one of a wrong type."""
    (combination, *_) = [each for each in combinations("ambient") if "canary, KEDA" in each.name]
    rendering = render(combination.over(base("external", defaults)))
    kinds = {each["kind"]: each for each in rendering.objects if custom_resources.is_custom(each)}
    assert {"HTTPRoute", "Gateway", "AuthorizationPolicy", "PeerAuthentication", "DestinationRule"} <= set(kinds)

    for kind, document in kinds.items():
        custom_resources.validate(document)
        more = deepcopy(document)
        more["spec"]["notThere"] = 1
        with pytest.raises(NotAgreed, match="notThere"):
            custom_resources.validate(more)
        other = deepcopy(document)
        other["spec"] = "all"
        with pytest.raises(NotAgreed, match="spec"):
            custom_resources.validate(other)
        assert document == kinds[kind]


def test_exceptions_name_what_is_used(render: Any, defaults: dict[str, Any]) -> None:
    """A field that is passed over, since the models are older, is one that the chart sets."""
    rendering = render(merged(base("external", defaults), {"autoscaling": {"keda": True}}))
    for kind, paths in LATER.items():
        for path in paths:
            documents = [each for each in rendering.objects if each["kind"] == kind]
            assert any(_has(each, path) for each in documents), path


def _validate(document: dict[str, Any]) -> None:
    if custom_resources.is_custom(document):
        custom_resources.validate(document)
    else:
        kubernetes_validate.validate(document, "1.34", strict=True)


def _has(document: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if key not in document:
            return False
        document = document[key]
    return True
