"""Components are data: each entry gets all its objects, and one list of callers decides who may talk to whom."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from typing import Any

import pytest

GRPC, HTTP, OPS = 50051, 8080, 9090


@pytest.fixture(scope="module")
def components(defaults: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = defaults["components"]
    return found


def test_every_component_has_its_objects(rendering: Any, values: dict[str, Any], components: dict[str, Any]) -> None:
    for kind in ("Deployment", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"):
        assert set(components) <= set(rendering.of_kind(kind)), kind
    scaled = values.get("defaults", {}).get("autoscaling", {}).get("enabled", True)
    autoscalers = {**rendering.of_kind("HorizontalPodAutoscaler"), **rendering.of_kind("ScaledObject")}
    assert set(autoscalers) == (set(components) if scaled else set())
    serving = {name for name, component in components.items() if component["serves"] != "none"}
    assert set(rendering.services) == serving


def test_pods_are_counted_by_the_autoscaler_or_by_a_number_never_by_both(rendering: Any) -> None:
    by_hpa, by_keda = rendering.of_kind("HorizontalPodAutoscaler"), rendering.of_kind("ScaledObject")
    assert not set(by_hpa) & set(by_keda)
    scalers = by_hpa | by_keda
    for name, deployment in rendering.of_kind("Deployment").items():
        assert ("replicas" in deployment["spec"]) == (name not in scalers)
    for name, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == f"assay-{name}"
        least, most = (
            scaler["spec"].get(f"{which}Replicas", scaler["spec"].get(f"{which}ReplicaCount"))
            for which in ("min", "max")
        )
        assert least <= most


def test_selectors_find_the_pods_of_their_component_alone(rendering: Any) -> None:
    pods = rendering.pods
    selectors = {
        **{("Service", name): each["spec"]["selector"] for name, each in rendering.services.items()},
        **{
            (kind, name): each["spec"]["selector"]["matchLabels"]
            for kind in ("Deployment", "PodDisruptionBudget")
            for name, each in rendering.of_kind(kind).items()
        },
    }
    for (kind, name), selector in selectors.items():
        assert _selected(pods, selector) == {name}, (kind, name)


def test_selectors_name_nothing_that_an_upgrade_could_change(rendering: Any) -> None:
    """A Deployment's selector is immutable: with the version in it, no release could be upgraded."""
    lasting = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}
    for kind in ("Deployment", "StatefulSet"):
        for name, workload in rendering.of_kind(kind).items():
            assert set(workload["spec"]["selector"]["matchLabels"]) <= lasting | {"assay/track"}, (kind, name)


def test_services_reach_the_port_that_the_process_listens_on(rendering: Any) -> None:
    for name, service in rendering.services.items():
        (port,) = service["spec"]["ports"]
        (container,) = rendering.pods[name]["spec"]["containers"]
        listening = {each["name"]: each["containerPort"] for each in container["ports"]}
        variables = {each["name"]: each.get("value") for each in container["env"]}
        section = f"ASSAY_{port['name'].upper()}__LISTEN"
        assert variables[section] == f"0.0.0.0:{listening[port['targetPort']]}", name


def test_grpc_services_show_every_pod(rendering: Any) -> None:
    """Callers balance over the addresses that DNS gives them; a cluster IP would pin each to one pod."""
    for name, service in rendering.services.items():
        assert (service["spec"].get("clusterIP") == "None") == (name != "gateway")


def test_callers_are_those_that_the_code_calls_from(components: dict[str, Any]) -> None:
    called = {name: _callees(component["module"], component["role"]) for name, component in components.items()}

    for callee, component in components.items():
        assert set(component["callers"]) == {name for name, callees in called.items() if callee in callees}, callee


def test_targets_follow_from_the_callers(rendering: Any, components: dict[str, Any]) -> None:
    for name in components:
        (container,) = rendering.pods[name]["spec"]["containers"]
        targets = {
            each["name"].removeprefix("ASSAY_TARGETS__").lower(): each["value"]
            for each in container["env"]
            if each["name"].startswith("ASSAY_TARGETS__")
        }
        expected = {callee for callee, component in components.items() if name in component["callers"]}
        assert targets == {callee: f"dns:///assay-{callee}:{GRPC}" for callee in expected}


def test_policies_let_in_the_callers_and_nobody_else(rendering: Any, components: dict[str, Any]) -> None:
    for name, component in components.items():
        allowed = {caller for caller in components if _may_connect(rendering, caller, name, GRPC)}
        assert allowed == set(component["callers"]), name


def test_nothing_is_allowed_that_no_policy_names(rendering: Any) -> None:
    default = rendering.of_kind("NetworkPolicy")["default"]["spec"]

    assert _selected(rendering.pods, default["podSelector"]["matchLabels"]) == set(rendering.pods)
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in default
    assert {port["port"] for rule in default["egress"] for port in rule["ports"]} == {53}


@pytest.mark.parametrize(
    ("name", "ports"),
    [
        ("gateway", {GRPC, 4317, 6380, 9096}),
        ("auth", {587, 4317, 5432, 9096}),
        ("prompt", {GRPC, 4317, 5432, 9096}),
        ("evaluation", {GRPC, 4317, 5432, 9096}),
        ("evaluation-worker", {80, 443, 4317, 5432, 9096}),
        ("audit", {GRPC, 443, 4317, 5432, 9096}),
        ("audit-worker", {80, 443, 4317, 5432, 9096}),
        ("audit-worker-exchange", {443, 6443}),
        ("audit-worker-job", {8443}),
        ("analytics", {GRPC, 4317, 5432, 9096}),
        ("hooks", {53, 5432, 9096}),
    ],
)
def test_components_reach_the_servers_that_they_need(name: str, ports: set[int], external: Any) -> None:
    rules = external.of_kind("NetworkPolicy")[name]["spec"]["egress"]

    assert {port["port"] for rule in rules for port in rule["ports"]} == ports


def test_only_monitoring_reads_metrics(external: Any, minimal: Any) -> None:
    without = minimal().of_kind("NetworkPolicy")
    for name in external.of_kind("Deployment"):
        rules = external.of_kind("NetworkPolicy")[name]["spec"]["ingress"]
        (rule,) = [rule for rule in rules if {"protocol": "TCP", "port": OPS} in rule["ports"]]
        assert rule["from"], name
        rules = without[name]["spec"]["ingress"] or []
        assert all(port["port"] != OPS for rule in rules for port in rule["ports"]), name


def test_without_policies_nothing_is_denied(minimal: Any) -> None:
    assert not minimal({"networkPolicy": {"enabled": False}}).of_kind("NetworkPolicy")


def test_a_seventh_service_is_one_more_entry(minimal: Any, components: dict[str, Any]) -> None:
    added = {
        "module": "assay_billing",
        "role": "serve",
        "image": {"repository": "assay-billing"},
        "serves": "grpc",
        "callers": ["gateway"],
        "needs": ["database", "kafka"],
        "schema": "billing",
    }
    auth = {"callers": [*components["auth"]["callers"], "billing"]}

    rendering = minimal(
        {"components": {"billing": added, "auth": auth}, "database": {"passwords": {"billing": "change-me"}}}
    )

    for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"):
        assert "billing" in rendering.of_kind(kind)
    assert "migrate-billing" in rendering.of_kind("Job")
    assert _may_connect(rendering, "gateway", "billing", GRPC)
    assert _may_connect(rendering, "billing", "auth", GRPC)


def test_a_component_can_be_taken_away(minimal: Any) -> None:
    rendering = minimal({"components": {"audit-worker": None}})

    assert not [each["metadata"]["name"] for each in rendering.objects if "audit-worker" in each["metadata"]["name"]]


def _selected(pods: dict[str, Any], selector: dict[str, str]) -> set[str]:
    return {name for name, pod in pods.items() if selector.items() <= pod["metadata"]["labels"].items()}


def _may_connect(rendering: Any, caller: str, callee: str, port: int) -> bool:
    """Whether the caller's policy lets it out to the callee's port, and the callee's lets it in there."""
    policies = rendering.of_kind("NetworkPolicy")
    out = any(
        _names(rendering, rule.get("to"), callee) and _has(rule, port) for rule in policies[caller]["spec"]["egress"]
    )
    into = any(
        _names(rendering, rule.get("from"), caller) and _has(rule, port)
        for rule in policies[callee]["spec"]["ingress"] or []
    )
    assert out == into, f"{caller} → {callee}: the two policies disagree"
    return out


def _names(rendering: Any, peers: list[Any] | None, name: str) -> bool:
    selectors = [peer["podSelector"]["matchLabels"] for peer in peers or [] if "podSelector" in peer]
    return any(_selected(rendering.pods, selector) == {name} for selector in selectors)


def _has(rule: dict[str, Any], port: int) -> bool:
    return any(each["port"] == port for each in rule["ports"])


def _callees(module: str, role: str) -> set[str]:
    """The services whose targets a role asks for: `targets.require("auth")` in what its function reaches."""
    tree = ast.parse(inspect.getsource(import_module(f"{module}.bootstrap")))
    functions = {
        node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    entry = next(name for name in ({"serve": ("serve", "starting"), "work": ("work",)}[role]) if name in functions)
    reached, ahead = set[str](), {entry}
    while ahead:
        reached |= ahead
        words = set(re.findall(r"\w+", " ".join(functions[name] for name in ahead)))
        ahead = (words & set(functions)) - reached
    return {callee for name in reached for callee in re.findall(r"require\('(\w+)'\)", functions[name])}
