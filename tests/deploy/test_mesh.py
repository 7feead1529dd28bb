"""In a mesh, by sidecars or ambient: who may call whom, how RPCs are spread, what is reachable from outside."""

from __future__ import annotations

from typing import Any

import pytest
from helm_python import HelmError
from tests.deploy.matrix import MESHES, ROUTES, merged

from assay_auth.domain.access import AUDIENCE, ISSUER
from assay_gateway.entrypoints.http.app import _ROUTERS

GRPC, HTTP, OPS, EXCHANGE, HBONE = "50051", "8080", "9090", "8443", 15008
KEYS = "/.well-known/jwks.json"
SAFE = {"connect-failure", "refused-stream"}
"""Failures before a process has seen anything of the request."""
IN_A_MESH = [mesh for mesh in MESHES if mesh != "no mesh"]
BALANCED = ["sidecar", "ambient"]


@pytest.fixture(scope="module", params=IN_A_MESH)
def mesh(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def meshed(mesh: str, minimal: Any) -> Any:
    return minimal(merged(MESHES[mesh], ROUTES["canary"]))


@pytest.fixture(scope="module")
def plain(minimal: Any) -> Any:
    return minimal(ROUTES["canary"])


@pytest.fixture(scope="module")
def sidecar(minimal: Any) -> Any:
    return minimal(MESHES["sidecar"])


@pytest.fixture(scope="module")
def ambient(minimal: Any) -> Any:
    return minimal(MESHES["ambient"])


def test_without_a_mesh_nothing_is_of_it(rendering: Any) -> None:
    assert "istio" not in str([each for each in rendering.objects if each["kind"] != "ConfigMap"])


def test_the_mesh_changes_no_service_that_is_there_without_it(meshed: Any, plain: Any) -> None:
    """A cluster IP cannot be taken away or given later: switching would need the Service to be deleted."""
    for name, service in plain.of_kind("Service").items():
        assert meshed.of_kind("Service")[name]["spec"] == service["spec"], name


def test_each_pod_is_inside_or_outside(mesh: str, meshed: Any) -> None:
    """Jobs that only reach servers outside stay outside; helm's test calls the gateway, and so belongs to the mesh."""
    for name, pod in meshed.pods.items():
        labels = pod["metadata"]["labels"]
        outside = name in meshed.of_kind("Job") and name != "test"
        assert (labels.get("sidecar.istio.io/inject") == "false") == outside, name
        assert (labels.get("istio.io/dataplane-mode") == "none") == outside, name
        if mesh == "sidecar" and not outside:
            assert labels["sidecar.istio.io/inject"] == "true"
            assert pod["metadata"]["annotations"]["sidecar.istio.io/nativeSidecar"] == "true", name
        elif not outside:
            assert labels["istio.io/dataplane-mode"] == "ambient", name


def test_connections_are_mutual_tls(meshed: Any) -> None:
    """Each pod has one rule: of several that fit, Istio would take the oldest."""
    rules = meshed.of_kind("PeerAuthentication")
    assert set(rules) == set(meshed.of_kind("Deployment"))
    for name, rule in rules.items():
        assert rule["spec"]["mtls"] == {"mode": "STRICT"}
        selected = _selected(meshed, rule["spec"]["selector"])
        assert selected == {name}
        assert {OPS} <= set(rule["spec"]["portLevelMtls"]) <= {OPS, EXCHANGE, HTTP}
        assert (EXCHANGE in rule["spec"]["portLevelMtls"]) == (name == "audit-worker"), name


def test_the_edge_is_strict_unless_it_is_said(sidecar: Any, ambient: Any) -> None:
    assert HTTP not in sidecar.of_kind("PeerAuthentication")["gateway"]["spec"]["portLevelMtls"]
    assert ambient.of_kind("PeerAuthentication")["gateway"]["spec"]["portLevelMtls"][HTTP] == {"mode": "PERMISSIVE"}


def test_probes_metrics_and_the_exchange_get_past_the_sidecar(sidecar: Any) -> None:
    for name in sidecar.of_kind("Deployment"):
        annotations = sidecar.pods[name]["metadata"]["annotations"]
        ports = f"{OPS},{EXCHANGE}" if name == "audit-worker" else OPS
        assert annotations["traffic.sidecar.istio.io/excludeInboundPorts"] == ports
        assert annotations["sidecar.istio.io/rewriteAppHTTPProbers"] == "false"


def test_only_callers_are_let_in(mesh: str, meshed: Any) -> None:
    """The callers that the NetworkPolicies of a release without a mesh let in, each by its service account."""
    deployments = meshed.of_kind("Deployment")
    accounts = {name: deployments[name]["spec"]["template"]["spec"]["serviceAccountName"] for name in deployments}
    targets = {name: _targets(meshed.pods[name]) for name in deployments}
    for callee in deployments:
        if callee in ("gateway", "gateway-canary"):
            continue
        for caller in deployments:
            principal = f"cluster.local/ns/assay/sa/{accounts[caller]}"
            expected = any(target.startswith(f"dns:///assay-{callee}:") for target in targets[caller]) or any(
                target.startswith(f"dns:///assay-{callee}-mesh:") for target in targets[caller]
            )
            assert _admitted(meshed, mesh, callee, principal) == expected, f"{caller} → {callee}"
        assert not _admitted(meshed, mesh, callee, "cluster.local/ns/other/sa/assay-gateway"), callee
        assert not _admitted(meshed, mesh, callee, "cluster.local/ns/assay/sa/assay-test"), callee


def test_auth_is_called_by_those_who_are_named(sidecar: Any, defaults: dict[str, Any]) -> None:
    (rule,) = _rules(sidecar.of_kind("AuthorizationPolicy")["auth"], GRPC)
    assert rule["from"][0]["source"]["principals"] == [
        f"cluster.local/ns/assay/sa/assay-{caller}" for caller in defaults["components"]["auth"]["callers"]
    ]


def test_rules_are_such_that_ztunnel_can_hold_them(meshed: Any) -> None:
    """Of connections alone: with anything about requests in it, ztunnel would deny everything."""
    for policy in meshed.of_kind("AuthorizationPolicy").values():
        for rule in policy["spec"].get("rules", []):
            assert set(rule) <= {"from", "to"}
            assert all(set(each["operation"]) == {"ports"} for each in rule.get("to", []))
            assert all(set(each["source"]) == {"principals"} for each in rule.get("from", []))


def test_metrics_are_open_to_whom_a_network_policy_lets_in(meshed: Any) -> None:
    for name in meshed.of_kind("Deployment"):
        (rule,) = _rules(meshed.of_kind("AuthorizationPolicy")[name], OPS)
        assert "from" not in rule


def test_the_gateway_may_be_called_by_whom_the_values_name(sidecar: Any, ambient: Any) -> None:
    (rule,) = _rules(sidecar.of_kind("AuthorizationPolicy")["gateway"], HTTP)
    assert rule["from"][0]["source"]["principals"] == [
        "cluster.local/ns/istio-ingress/sa/edge-istio",
        f"cluster.local/ns/assay/sa/{sidecar.pods['test']['spec']['serviceAccountName']}",
    ]
    (rule,) = _rules(ambient.of_kind("AuthorizationPolicy")["gateway"], HTTP)
    assert "from" not in rule


def test_trust_domains_are_values(minimal: Any) -> None:
    rendering = minimal(merged(MESHES["sidecar"], {"mesh": {"trustDomain": "example.com", "clusterDomain": "c.local"}}))

    (rule,) = _rules(rendering.of_kind("AuthorizationPolicy")["analytics"], GRPC)
    assert rule["from"][0]["source"]["principals"] == ["example.com/ns/assay/sa/assay-gateway"]
    assert rendering.of_kind("DestinationRule")["prompt"]["spec"]["host"] == "assay-prompt-mesh.assay.svc.c.local"


@pytest.mark.parametrize("balanced", BALANCED)
def test_tokens_are_checked_before_the_services(balanced: str, minimal: Any) -> None:
    """Not at the gateway: API keys come in the same header, and a proxy would take each for a bad token."""
    rules = minimal(MESHES[balanced]).of_kind("RequestAuthentication")

    assert set(rules) == {"auth", "prompt", "evaluation", "audit", "analytics"}
    assert KEYS in {route.path for router in _ROUTERS for route in router.routes}
    for rule in rules.values():
        (jwt,) = rule["spec"]["jwtRules"]
        assert jwt["issuer"] == ISSUER
        assert jwt["audiences"] == [AUDIENCE]
        assert jwt["jwksUri"].endswith(KEYS)
        assert jwt["forwardOriginalToken"] is True, "the service verifies the token itself too"


def test_keys_are_fetched_where_the_control_plane_reaches_them(minimal: Any, ambient: Any) -> None:
    """It comes without TLS of the mesh: a strict gateway would not let it in."""
    (jwt,) = ambient.of_kind("RequestAuthentication")["auth"]["spec"]["jwtRules"]
    assert jwt["jwksUri"] == f"http://assay-gateway.assay.svc.cluster.local:80{KEYS}"
    public = minimal({"mesh": {"mode": "sidecar"}, "publicUrl": "https://assay.example.com"})
    (jwt,) = public.of_kind("RequestAuthentication")["auth"]["spec"]["jwtRules"]
    assert jwt["jwksUri"] == f"https://assay.example.com{KEYS}"
    guarded = minimal(merged(MESHES["ambient"], {"networkPolicy": {"clients": [{"podSelector": {}}]}}))
    peers = [
        peer
        for rule in guarded.of_kind("NetworkPolicy")["gateway"]["spec"]["ingress"]
        if {"protocol": "TCP", "port": int(HTTP)} in rule["ports"]
        for peer in rule["from"]
    ]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}} in peers


@pytest.mark.parametrize("balanced", BALANCED)
def test_rpcs_are_spread_by_the_mesh(balanced: str, minimal: Any) -> None:
    rendering = minimal(MESHES[balanced])
    for name, pod in rendering.pods.items():
        assert all("-mesh:" in target for target in _targets(pod)), name
        watching = [each["value"] for each in _environment(pod) if each["name"] == "ASSAY_GRPC__WATCH_HEALTH"]
        # One pod's health, through a proxy, would be that of all.
        assert watching == (["false"] if _targets(pod) else []), name
    for name in ("auth", "prompt", "evaluation", "audit", "analytics"):
        service = rendering.of_kind("Service")[f"{name}-mesh"]
        assert service["spec"]["type"] == "ClusterIP"
        assert "clusterIP" not in service["spec"]
        assert service["spec"]["ports"][0]["appProtocol"] == "grpc"
        policy = rendering.of_kind("DestinationRule")[name]["spec"]["trafficPolicy"]
        assert policy["loadBalancer"] == {"simple": "LEAST_REQUEST"}
        assert policy["outlierDetection"]["consecutiveGatewayErrors"] == 5
        assert policy["outlierDetection"]["consecutive5xxErrors"] == 0
        assert policy["connectionPool"]["tcp"]["maxConnections"] == 256
        assert "tls" not in policy, "mutual TLS follows from the pods by itself"
    gateway = rendering.of_kind("DestinationRule")["gateway"]["spec"]["trafficPolicy"]["outlierDetection"]
    assert gateway["consecutiveGatewayErrors"] == 0, "a gateway that sheds load answers 503"


@pytest.mark.parametrize("balanced", BALANCED)
def test_the_mesh_repeats_only_what_reached_nobody_and_sets_no_deadline(balanced: str, minimal: Any) -> None:
    """Callers repeat what the contract says may be repeated (assay_common.rpc.client), and their deadlines go along."""
    rules = minimal(MESHES[balanced]).of_kind("VirtualService")

    assert set(rules) == {"gateway", "auth", "prompt", "evaluation", "audit", "analytics"}
    for rule in rules.values():
        (http,) = rule["spec"]["http"]
        assert set(http["retries"]["retryOn"].split(",")) <= SAFE
        assert "timeout" not in http
        assert "perTryTimeout" not in http["retries"]


def test_without_a_waypoint_callers_balance_by_themselves(minimal: Any, plain: Any) -> None:
    rendering = minimal(MESHES["ambient without waypoint"])

    assert not {"DestinationRule", "VirtualService", "RequestAuthentication", "Gateway"} & {
        each["kind"] for each in rendering.objects
    }
    assert _targets(rendering.pods["gateway"]) == _targets(plain.pods["gateway"])
    assert not [each for each in _environment(rendering.pods["gateway"]) if each["name"] == "ASSAY_GRPC__WATCH_HEALTH"]


def test_nobody_gets_round_the_waypoint(ambient: Any) -> None:
    waypoint = ambient.of_kind("Gateway")["waypoint"]
    for name in ("auth", "prompt", "evaluation", "audit", "analytics"):
        service = ambient.of_kind("Service")[f"{name}-mesh"]
        assert service["metadata"]["labels"]["istio.io/use-waypoint"] == waypoint["metadata"]["name"]
        (rule,) = _rules(ambient.of_kind("AuthorizationPolicy")[name], GRPC)
        assert rule["from"][0]["source"]["principals"] == ["cluster.local/ns/assay/sa/assay-waypoint"]
        policy = ambient.of_kind("NetworkPolicy")[name]["spec"]["ingress"]
        assert _peers(policy, GRPC) == {"waypoint"}
    selector = ambient.of_kind("NetworkPolicy")["waypoint"]["spec"]["podSelector"]["matchLabels"]
    assert selector.items() <= waypoint["spec"]["infrastructure"]["labels"].items()


def test_the_ambient_mesh_has_its_port_and_probes(mesh: str, meshed: Any) -> None:
    """Ztunnel turns a connection to any port into one to 15008, which is what the network sees."""
    for name, policy in meshed.of_kind("NetworkPolicy").items():
        if name not in meshed.of_kind("Deployment"):
            continue
        rules = [*(policy["spec"]["ingress"] or []), *policy["spec"]["egress"]]
        for rule in rules:
            ports = {each["port"] for each in rule["ports"]}
            if ports & {int(GRPC), int(HTTP)} and "istio-system" not in str(rule):
                assert (HBONE in ports) == mesh.startswith("ambient"), name
        if mesh.startswith("ambient"):
            assert any("169.254.7.127/32" in str(rule.get("from")) for rule in policy["spec"]["ingress"]), name
        assert any({"protocol": "TCP", "port": 15012} in rule["ports"] for rule in rules) == (mesh == "sidecar"), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mesh": {"mode": "sidecar"}}, "set publicUrl, or mesh.requestAuthentication.jwksUri"),
        ({"mesh": {"clients": ["a/b"]}}, "set mesh.mode to sidecar or ambient"),
        (merged(MESHES["ambient"], {"mesh": {"revision": "1-28"}}), "mesh.mode is ambient: remove it"),
        ({"mesh": {"mode": "istio"}}, "/mesh/mode"),
        ({"mesh": {"clients": ["gateway"]}}, "/mesh/clients/0"),
    ],
)
def test_impossible_meshes_are_put_right(minimal: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmError) as refused:
        minimal(changes)
    assert message in str(refused.value)


def _admitted(rendering: Any, mesh: str, callee: str, principal: str) -> bool:
    """What Istio makes of the policies: with a waypoint, it is the waypoint that asks who calls."""
    policies = rendering.of_kind("AuthorizationPolicy")
    rules = _rules(policies[callee], GRPC)
    if mesh == "ambient" and f"{callee}-mesh" in policies:
        rules = policies[f"{callee}-mesh"]["spec"].get("rules", [])
    return any(principal in source["source"]["principals"] for rule in rules for source in rule["from"])


def _rules(policy: Any, port: str) -> list[Any]:
    assert policy["spec"]["action"] == "ALLOW"
    return [rule for rule in policy["spec"]["rules"] if any(port in each["operation"]["ports"] for each in rule["to"])]


def _peers(rules: list[Any], port: str) -> set[str]:
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in rules
        if {"protocol": "TCP", "port": int(port)} in rule["ports"]
        for peer in rule["from"]
    }


def _selected(rendering: Any, selector: Any) -> set[str]:
    wanted = selector["matchLabels"].items()
    return {name for name, pod in rendering.pods.items() if wanted <= pod["metadata"]["labels"].items()}


def _targets(pod: Any) -> list[str]:
    return [each["value"] for each in _environment(pod) if each["name"].startswith("ASSAY_TARGETS__")]


def _environment(pod: Any) -> list[dict[str, Any]]:
    (container,) = pod["spec"]["containers"]
    return list(container["env"])
