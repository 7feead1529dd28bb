"""How clients reach the gateway: routes that agree with its deadlines, and a second release that gets part of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.routing import APIRoute
from helm_python import HelmError
from starlette.routing import WebSocketRoute
from tests.deploy.matrix import GATEWAY, HOSTS, ROUTES, merged

from assay_gateway.entrypoints.http.app import _ROUTERS
from assay_gateway.entrypoints.http.live import EVENT_STREAM
from assay_gateway.entrypoints.http.route_classes import JsonRoute
from assay_gateway.settings import HttpSettings

CANARY = ROUTES["canary"]
LONG = "b" * 22
BILLING = {
    "module": "assay_billing",
    "role": "serve",
    "image": {"repository": "assay-billing"},
    "serves": "grpc",
    "callers": ["gateway"],
    "needs": ["kafka"],
}
SERVING = {"gateway", "auth", "prompt", "evaluation", "audit", "analytics"}


@pytest.fixture(scope="module")
def route(minimal: Any) -> Any:
    return minimal(ROUTES["HTTPRoute"]).of_kind("HTTPRoute")["gateway"]


@pytest.fixture(scope="module")
def canary(minimal: Any) -> Any:
    return minimal(CANARY)


def test_nothing_leads_in_unless_it_is_asked_for(minimal: Any) -> None:
    rendering = minimal()

    assert not rendering.of_kind("HTTPRoute")
    assert not rendering.of_kind("Ingress")


def test_an_httproute_leads_to_the_gateway(route: Any, minimal: Any) -> None:
    service = minimal().of_kind("Service")["gateway"]

    assert route["spec"]["parentRefs"] == [GATEWAY]
    assert route["spec"]["hostnames"] == HOSTS
    for rule in route["spec"]["rules"]:
        (backend,) = rule["backendRefs"]
        assert backend == {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]}


def test_an_ingress_leads_to_the_gateway(minimal: Any) -> None:
    ingress = minimal(ROUTES["Ingress"]).of_kind("Ingress")["gateway"]["spec"]

    assert ingress["ingressClassName"] == "any"
    assert ingress["tls"] == [{"secretName": "assay-tls", "hosts": HOSTS}]
    (rule,) = ingress["rules"]
    (path,) = rule["http"]["paths"]
    assert rule["host"] == HOSTS[0]
    assert path["backend"]["service"] == {"name": "assay-gateway", "port": {"number": 80}}
    (open_to_all,) = minimal({"route": {"kind": "Ingress"}}).of_kind("Ingress")["gateway"]["spec"]["rules"]
    assert "host" not in open_to_all


def test_the_chart_and_the_code_have_the_same_deadlines(defaults: dict[str, Any]) -> None:
    settings = HttpSettings()
    assert defaults["route"]["deadlines"] == {
        "queueSeconds": settings.queue_seconds,
        "requestSeconds": settings.deadline_seconds,
        "uploadSeconds": settings.upload_deadline_seconds,
    }


@pytest.mark.parametrize(
    "deadlines", [{}, {"queueSeconds": 1, "requestSeconds": 2, "uploadSeconds": 3}, {"uploadSeconds": 86400}]
)
def test_no_request_is_cut_off_before_the_gateway_gives_up(deadlines: dict[str, int], minimal: Any) -> None:
    """For every path that the gateway has: the route waits longer, and for what lives long it waits for ever."""
    rendering = minimal(merged(ROUTES["HTTPRoute"], {"route": {"deadlines": deadlines}}))
    rules = rendering.of_kind("HTTPRoute")["gateway"]["spec"]["rules"]
    settings = _settings_of(rendering.pods["gateway"])
    seen = set[float]()

    for route in (each for router in _ROUTERS for each in router.routes):
        if isinstance(route, WebSocketRoute) or _is_stream(route):
            assert _seconds(rules, route.path, "GET") == 0, route.path
            seen.add(0)
        elif isinstance(route, APIRoute):
            allowed = route.seconds(settings) if isinstance(route, JsonRoute) else settings.deadline_seconds
            for method in route.methods or ():
                waited = _seconds(rules, route.path, method)
                assert waited == 0 or waited > settings.queue_seconds + allowed, (method, route.path)
            seen.add(allowed)

    assert seen == {0, settings.deadline_seconds, settings.upload_deadline_seconds}


def test_addresses_of_clients_are_believed_from_proxies_that_are_named(minimal: Any) -> None:
    proxies = {"route": {"trustedProxies": ["10.0.0.0/8", "192.168.1.1"]}}

    assert "ASSAY_HTTP__TRUSTED_PROXIES" not in _variables(minimal().pods["gateway"])
    assert _variables(minimal(proxies).pods["gateway"])["ASSAY_HTTP__TRUSTED_PROXIES"] == "10.0.0.0/8,192.168.1.1"
    beside = minimal(proxies | {"mesh": {"mode": "sidecar", "requestAuthentication": {"enabled": False}}})
    assert _variables(beside.pods["gateway"])["ASSAY_HTTP__TRUSTED_PROXIES"] == "10.0.0.0/8,192.168.1.1,127.0.0.6"


@pytest.mark.parametrize("weight", [0, 5, 100])
def test_a_canary_gets_its_share(weight: int, minimal: Any) -> None:
    rules = minimal(merged(CANARY, {"canary": {"weight": weight}})).of_kind("HTTPRoute")["gateway"]["spec"]["rules"]
    named = [rule for rule in rules if "headers" in rule["matches"][0]]
    shared = [rule for rule in rules if "headers" not in rule["matches"][0]]

    assert len(named) == len(shared) == 3
    for rule in shared:
        assert rule["backendRefs"] == [
            {"name": "assay-gateway", "port": 80, "weight": 100 - weight},
            {"name": "assay-gateway-canary", "port": 80, "weight": weight},
        ]
    for rule, other in zip(named, shared, strict=True):
        assert rule["backendRefs"] == [{"name": "assay-gateway-canary", "port": 80}]
        assert rule["timeouts"] == other["timeouts"]
        for match, same in zip(rule["matches"], other["matches"], strict=True):
            (header,) = match["headers"]
            assert header == {"type": "Exact", "name": "x-assay-canary", "value": "always"}
            assert match["path"] == same["path"]


def test_a_canary_is_a_lane_of_its_own(canary: Any) -> None:
    """What enters it stays in it, and what does not never meets it."""
    for name, pod in canary.pods.items():
        targets = {
            key.removeprefix("ASSAY_TARGETS__").lower(): value
            for key, value in _variables(pod).items()
            if key.startswith("ASSAY_TARGETS__")
        }
        for callee, target in targets.items():
            ending = "-canary" if name.endswith("-canary") else ""
            assert target == f"dns:///assay-{callee}{ending}:50051", name


def test_a_canary_has_everything_that_a_component_has(canary: Any) -> None:
    canaries = {f"{name}-canary" for name in SERVING}
    for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"):
        made = {name for name in canary.of_kind(kind) if name.endswith("-canary")}
        assert made == canaries, kind
    for name in canaries:
        pod = canary.pods[name]
        assert pod["spec"]["containers"][0]["image"].endswith(":0.2.0")
        selector = canary.of_kind("Deployment")[name]["spec"]["selector"]["matchLabels"]
        selected = [each for each in canary.pods if selector.items() <= canary.pods[each]["metadata"]["labels"].items()]
        assert selected == [name]
        assert canary.of_kind("Service")[name]["spec"]["selector"] == selector
    assert canary.of_kind("Service")["gateway-canary"]["spec"]["type"] == "ClusterIP"


def test_a_canary_is_scaled_and_guarded_like_the_rest(minimal: Any) -> None:
    changes = {"autoscaling": {"keda": True}, "defaults": {"autoscaling": {"enabled": True}}}
    rendering = minimal(merged(CANARY, changes))

    for name in SERVING:
        scaler = rendering.of_kind("HorizontalPodAutoscaler")[f"{name}-canary"]["spec"]
        assert scaler["minReplicas"] == 1
        assert scaler["scaleTargetRef"]["name"] == f"assay-{name}-canary"
    assert not [name for name in rendering.of_kind("ScaledObject") if name.endswith("-canary")]


def test_only_the_lane_may_call_a_canary(canary: Any) -> None:
    for name in SERVING - {"gateway"}:
        policies = canary.of_kind("NetworkPolicy")
        stable, lane = (_callers(policies[each]) for each in (name, f"{name}-canary"))
        assert lane
        assert all(caller.endswith("-canary") for caller in lane)
        assert not any(caller.endswith("-canary") for caller in stable)


def test_the_gateway_alone_may_have_a_canary(minimal: Any) -> None:
    rendering = minimal(merged(CANARY, {"canary": {"components": ["gateway"]}}))

    assert [name for name in rendering.of_kind("Deployment") if name.endswith("-canary")] == ["gateway-canary"]
    targets = _variables(rendering.pods["gateway-canary"])
    assert targets["ASSAY_TARGETS__PROMPT"] == "dns:///assay-prompt:50051"
    assert _callers(rendering.of_kind("NetworkPolicy")["prompt"]) == {"gateway", "gateway-canary", "evaluation"}


def test_the_later_release_migrates(canary: Any, minimal: Any) -> None:
    """Its migrations hold those of the release beside it, which works on what they leave (expand and contract)."""
    for name in canary.of_kind("Job"):
        if name != "test":
            assert canary.pods[name]["spec"]["containers"][0]["image"].endswith(":0.2.0"), name
    alone = minimal(merged(CANARY, {"canary": {"components": ["gateway"]}}))
    for name in alone.of_kind("Job"):
        if name.startswith("migrate-"):
            assert alone.pods[name]["spec"]["containers"][0]["image"].endswith(":0.1.0"), name
    assert set(canary.of_kind("Job")) == set(minimal().of_kind("Job"))


def test_metrics_of_a_canary_are_read(minimal: Any) -> None:
    watched = {"monitoring": {"podMonitors": {"enabled": True}}, "networkPolicy": {"monitoring": [{"podSelector": {}}]}}
    (monitor,) = minimal(merged(CANARY, watched)).of_kind("PodMonitor").values()

    (expression,) = monitor["spec"]["selector"]["matchExpressions"]
    assert {"gateway-canary", "auth-canary"} <= set(expression["values"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"route": {"hosts": ["a.example.com"]}}, "set route.kind to HTTPRoute or Ingress"),
        ({"route": {"kind": "HTTPRoute"}}, "set route.parentRefs to its name and namespace"),
        (merged(ROUTES["HTTPRoute"], {"route": {"tls": {"secretName": "x"}}}), "whose Gateway has the certificate"),
        ({"route": {"kind": "Ingress", "parentRefs": [GATEWAY]}}, "set route.kind to HTTPRoute"),
        ({"route": {"kind": "Ingress", "tls": {"secretName": "x"}}}, "set route.hosts"),
        ({"route": {"deadlines": {"uploadSeconds": 10}}}, "route.deadlines.uploadSeconds is less"),
        ({"route": {"kind": "Ingress"}, "components": {"gateway": None}}, "no component serves http"),
        ({"route": {"trustedProxies": ["proxy"]}}, "/route/trustedProxies/0"),
        ({"route": {"kind": "VirtualService"}}, "/route/kind"),
        (
            {"components": {"gateway": {"env": {"ASSAY_HTTP__DEADLINE_SECONDS": 60}}}},
            "env sets ASSAY_HTTP__DEADLINE_SECONDS, which the chart",
        ),
        ({"canary": {"enabled": True, "tag": "0.2.0"}}, "set route.kind to HTTPRoute"),
        (merged(CANARY, {"canary": {"tag": ""}}), "set canary.tag"),
        (merged(CANARY, {"canary": {"weight": 101}}), "/canary/weight"),
        (merged(CANARY, {"canary": {"components": ["auth"]}}), "canary.components has no gateway"),
        (merged(CANARY, {"canary": {"components": ["gateway", "billing"]}}), "names billing, which is no component"),
        (merged(CANARY, {"canary": {"components": ["gateway", "audit-worker"]}}), "serves nobody"),
        (
            merged(
                CANARY, {"canary": {"components": ["gateway", "auth"]}, "components": {"auth": {"callers": ["audit"]}}}
            ),
            "names auth, but none of its callers (audit)",
        ),
        (merged(CANARY, {"fullnameOverride": "a" * 40, "components": {LONG: BILLING}}), "set fullnameOverride to a"),
    ],
)  # fmt: skip
def test_impossible_routes_are_put_right(minimal: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmError) as refused:
        minimal(changes)
    assert message in str(refused.value)


def _is_stream(route: Any) -> bool:
    responses = getattr(route, "responses", {})
    return EVENT_STREAM in responses.get(200, {}).get("content", {})


def _seconds(rules: list[Any], path: str, method: str) -> float:
    """What the Gateway API says of precedence: the longest prefix, then the one with a method."""
    path = re.sub(r"{\w+(:\w+)?}", "x", path)
    found = [
        (len(match["path"]["value"]), "method" in match, rule["timeouts"])
        for rule in rules
        for match in rule["matches"]
        if match.get("method", method) == method and _under(path, match["path"]["value"])
    ]
    timeouts = max(found, key=lambda each: each[:2])[2]
    assert timeouts["request"] == timeouts["backendRequest"]
    return float(timeouts["request"].removesuffix("s"))


def _under(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _settings_of(pod: Any) -> HttpSettings:
    prefix = "ASSAY_HTTP__"
    return HttpSettings.model_validate(
        {key.removeprefix(prefix).lower(): value for key, value in _variables(pod).items() if key.startswith(prefix)}
    )


def _variables(pod: Any) -> dict[str, str]:
    (container,) = pod["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def _callers(policy: Any) -> set[str]:
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in policy["spec"]["ingress"]
        if {"protocol": "TCP", "port": 50051} in rule["ports"]
        for peer in rule["from"]
    }
