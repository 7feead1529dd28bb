"""Pods are counted by one autoscaler: an HPA on CPU, or KEDA on what waits in Kafka, by the names in the code."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from helm_python import HelmError

from assay_common.settings import KafkaSettings
from assay_protos import topics

KEDA = {"autoscaling": {"keda": True}, "defaults": {"autoscaling": {"enabled": True}}}
PARTITIONS = {topic.name: topic.partitions for topic in topics.ALL}


@pytest.fixture(scope="module")
def components(defaults: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = defaults["components"]
    return found


@pytest.fixture(scope="module")
def scaled(minimal: Any) -> Callable[..., Any]:
    """The minimal example with autoscaling and KEDA, and with changes."""

    def rendering(**changes: Any) -> Any:
        return minimal({**KEDA, **changes})

    return rendering


def test_each_component_has_one_autoscaler(scaled: Any, components: dict[str, Any]) -> None:
    rendering = scaled()
    by_keda, by_hpa = set(rendering.of_kind("ScaledObject")), set(rendering.of_kind("HorizontalPodAutoscaler"))

    assert by_keda == {"evaluation-worker", "audit-worker", "analytics"}
    assert by_hpa == set(components) - by_keda
    for name, deployment in rendering.of_kind("Deployment").items():
        assert "replicas" not in deployment["spec"], name


@pytest.mark.parametrize("keda", ["auto", False])
def test_without_keda_everything_is_scaled_on_cpu(minimal: Any, components: dict[str, Any], keda: Any) -> None:
    """Offline, no kind is known but Kubernetes' own."""
    rendering = minimal({**KEDA, "autoscaling": {"keda": keda}})

    assert not rendering.of_kind("ScaledObject")
    assert not rendering.of_kind("TriggerAuthentication")
    for name, scaler in rendering.of_kind("HorizontalPodAutoscaler").items():
        (metric,) = scaler["spec"]["metrics"]
        assert metric["resource"]["name"] == "cpu", name
    assert set(rendering.of_kind("HorizontalPodAutoscaler")) == set(components)


def test_a_number_of_pods_is_kept_where_autoscaling_is_off(minimal: Any) -> None:
    rendering = minimal({"autoscaling": {"keda": True}})

    assert not rendering.of_kind("ScaledObject")
    assert all(each["spec"]["replicas"] == 1 for each in rendering.of_kind("Deployment").values())


def test_what_components_consume_is_what_their_code_does(components: dict[str, Any]) -> None:
    for name, component in components.items():
        in_code = _consumed(component["module"], component["role"])
        said = component.get("consumes")
        assert ((said["group"], set(said["topics"])) if said else None) == in_code, name


def test_partitions_are_those_of_the_contracts(components: dict[str, Any]) -> None:
    for name, component in components.items():
        for topic, partitions in component.get("consumes", {}).get("topics", {}).items():
            assert partitions == PARTITIONS[topic], f"{name}: {topic}"


def test_no_more_pods_than_partitions(rendering: Any, components: dict[str, Any]) -> None:
    for name, scaler in rendering.of_kind("HorizontalPodAutoscaler").items():
        if components[name]["serves"] == "none":
            partitions = sum(PARTITIONS[topic] for topic in components[name]["consumes"]["topics"])
            assert scaler["spec"]["maxReplicas"] <= partitions, name


def test_keda_asks_for_the_groups_and_topics_of_the_namespace(scaled: Any, components: dict[str, Any]) -> None:
    rendering = scaled(kafka={"namespace": "trial."})
    kafka = KafkaSettings(bootstrap_servers="kafka.data.svc:9092", namespace="trial.")
    for name, scaler in rendering.of_kind("ScaledObject").items():
        consumes = components[name]["consumes"]
        asked = [each["metadata"] for each in scaler["spec"]["triggers"] if each["type"] == "kafka"]
        assert {each["topic"] for each in asked} == {kafka.qualified(topic) for topic in consumes["topics"]}, name
        assert {each["consumerGroup"] for each in asked} == {kafka.qualified(consumes["group"])}, name
        assert {each["bootstrapServers"] for each in asked} == {kafka.bootstrap_servers}, name


def test_workers_are_scaled_by_what_waits_and_services_also_by_cpu(scaled: Any, components: dict[str, Any]) -> None:
    for name, scaler in scaled().of_kind("ScaledObject").items():
        kinds = {trigger["type"] for trigger in scaler["spec"]["triggers"]}
        assert kinds == ({"kafka"} if components[name]["serves"] == "none" else {"kafka", "cpu"}), name


def test_what_waits_is_divided_by_what_a_pod_is_worth(scaled: Any) -> None:
    rendering = scaled(components={"audit-worker": {"autoscaling": {"lagPerReplica": 25}}})

    (trigger,) = rendering.of_kind("ScaledObject")["audit-worker"]["spec"]["triggers"]
    assert trigger["metadata"]["lagThreshold"] == "25"


@pytest.mark.parametrize(
    ("mechanism", "word"),
    [("PLAIN", "plaintext"), ("SCRAM-SHA-256", "scram_sha256"), ("SCRAM-SHA-512", "scram_sha512")],
)
def test_keda_signs_in_as_the_components_do(scaled: Any, mechanism: str, word: str) -> None:
    rendering = scaled(
        kafka={
            "securityProtocol": "SASL_SSL",
            "saslMechanism": mechanism,
            "existingSecret": "assay-kafka-user",
            "caSecret": "assay-kafka-ca",
        }
    )

    (authentication,) = rendering.of_kind("TriggerAuthentication").values()
    references = {each["parameter"]: (each["name"], each["key"]) for each in authentication["spec"]["secretTargetRef"]}
    assert references == {
        "username": ("assay-kafka-user", "username"),
        "password": ("assay-kafka-user", "password"),
        "ca": ("assay-kafka-ca", "ca.crt"),
    }
    for scaler in rendering.of_kind("ScaledObject").values():
        for trigger in scaler["spec"]["triggers"]:
            if trigger["type"] == "kafka":
                assert trigger["metadata"]["sasl"] == word
                assert trigger["metadata"]["tls"] == "enable"
                assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}


def test_keda_finds_the_credentials_that_the_chart_made(scaled: Any) -> None:
    rendering = scaled(kafka={"securityProtocol": "SASL_PLAINTEXT", "username": "assay", "password": "change-me"})

    (authentication,) = rendering.of_kind("TriggerAuthentication").values()
    secrets = {each["metadata"]["name"]: each for each in rendering.of_kind("Secret").values()}
    for reference in authentication["spec"]["secretTargetRef"]:
        assert reference["key"] in secrets[reference["name"]]["stringData"]


def test_without_credentials_there_is_nothing_to_sign_in_with(scaled: Any) -> None:
    rendering = scaled()

    assert not rendering.of_kind("TriggerAuthentication")
    triggers = [trigger for each in rendering.of_kind("ScaledObject").values() for trigger in each["spec"]["triggers"]]
    assert not any("authenticationRef" in trigger for trigger in triggers)


def test_an_hpa_is_taken_over_when_keda_comes(scaled: Any) -> None:
    for name, scaler in scaled().of_kind("ScaledObject").items():
        assert scaler["metadata"]["annotations"] == {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}
        assert scaler["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["name"] == f"assay-{name}"


def test_behaviour_has_windows_both_ways(scaled: Any) -> None:
    changes = {
        "scaleUpSeconds": 15,
        "scaleUpPolicies": [{"type": "Pods", "value": 4, "periodSeconds": 20}],
        "scaleDownSeconds": 600,
        "scaleDownPolicies": [{"type": "Percent", "value": 10, "periodSeconds": 120}],
    }
    rendering = scaled(defaults={"autoscaling": {"enabled": True, **changes}})
    behaviours = [each["spec"]["behavior"] for each in rendering.of_kind("HorizontalPodAutoscaler").values()] + [
        each["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        for each in rendering.of_kind("ScaledObject").values()
    ]

    for behaviour in behaviours:
        assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 15
        assert behaviour["scaleUp"]["policies"] == changes["scaleUpPolicies"]
        assert behaviour["scaleDown"]["stabilizationWindowSeconds"] == 600
        assert behaviour["scaleDown"]["policies"] == changes["scaleDownPolicies"]


def test_workers_may_rest_with_keda_alone(scaled: Any) -> None:
    rendering = scaled(components={"audit-worker": {"autoscaling": {"minReplicas": 0}}})

    scaler = rendering.of_kind("ScaledObject")["audit-worker"]["spec"]
    assert scaler["minReplicaCount"] == 0
    assert scaler["fallback"]["replicas"] == 1, "while Kafka does not answer, somebody must be there"


def test_a_budget_never_holds_up_a_drain(minimal: Any, rendering: Any) -> None:
    """One pod may always be away, were it the only one: maxUnavailable, rounded up, is at least one."""
    for each in (rendering, minimal({"defaults": {"disruption": {"maxUnavailable": "1%"}}})):
        for name, budget in each.of_kind("PodDisruptionBudget").items():
            most = budget["spec"]["maxUnavailable"]
            assert "minAvailable" not in budget["spec"], name
            assert int(str(most).removesuffix("%")) >= 1, name
            assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow", name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"components": {"gateway": {"autoscaling": {"lagPerReplica": 5}}}},
            "components.gateway.autoscaling.lagPerReplica is set but it consumes nothing: set components.gateway",
        ),
        ({"components": {"prompt": {"autoscaling": {"minReplicas": 0}}}}, "nobody would answer: set it to 1 or more"),
        (
            {"autoscaling": {"keda": False}, "components": {"audit-worker": {"autoscaling": {"minReplicas": 0}}}},
            "only KEDA can start the first pod: install KEDA and set autoscaling.keda to true",
        ),
        (
            {"components": {"audit-worker": {"autoscaling": {"maxReplicas": 13}}}},
            "may have 13 pods but its topics have 12 partitions, and a partition is read by one pod: lower "
            "autoscaling.maxReplicas",
        ),
        (
            {"components": {"audit-worker": {"autoscaling": {"enabled": False}, "replicas": 20}}},
            "may have 20 pods but its topics have 12 partitions, and a partition is read by one pod: lower replicas",
        ),
        (
            {"components": {"analytics": {"needs": ["database"]}}},
            "consumes topics but does not need Kafka: add kafka to components.analytics.needs",
        ),
    ],
)
def test_what_cannot_be_scaled_is_refused(scaled: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmError) as refused:
        scaled(**changes)
    assert message in str(refused.value)


def test_more_partitions_let_more_pods_in(scaled: Any) -> None:
    rendering = scaled(
        components={
            "audit-worker": {"consumes": {"topics": {"assay.audit.tasks": 24}}, "autoscaling": {"maxReplicas": 24}}
        }
    )

    assert rendering.of_kind("ScaledObject")["audit-worker"]["spec"]["maxReplicaCount"] == 24


def _consumed(module: str, role: str) -> tuple[str, set[str]] | None:
    """The group and topics of the call of `consume(…)` that a role of a service reaches."""
    if role == "work":
        return _call_in(import_module(f"{module}.bootstrap"), within="work")
    bootstrap = import_module(f"{module}.bootstrap")
    rooms = [bootstrap, *(_submodules(bootstrap) if hasattr(bootstrap, "__path__") else [])]
    found = [call for room in rooms if (call := _call_in(room, within=None)) is not None]
    assert len(found) <= 1, f"{module} has several consumer groups: the chart knows one"
    return found[0] if found else None


def _submodules(package: Any) -> list[Any]:
    return [import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)]


def _call_in(room: Any, *, within: str | None) -> tuple[str, set[str]] | None:
    functions = [node for node in ast.walk(ast.parse(inspect.getsource(room))) if isinstance(node, _FUNCTIONS)]
    for function in functions:
        # What `work` calls belongs to the workers' role, everything else to the services'.
        if (function.name == "work") != (within == "work"):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "consume":
                named = {
                    each.arg: _value(each.value, room) for each in call.keywords if each.arg in ("group", "topics")
                }
                return named["group"], {topic.name for topic in named["topics"]}
    return None


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _value(expression: ast.expr, room: Any) -> Any:
    """What a constant expression of a module is worth: GROUP, [topics.AUDIT_TASKS]."""
    match expression:
        case ast.Name(id=name):
            return getattr(room, name)
        case ast.Attribute(value=owner, attr=name):
            return getattr(_value(owner, room), name)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(each, room) for each in elements]
        case _:
            return ast.literal_eval(expression)
