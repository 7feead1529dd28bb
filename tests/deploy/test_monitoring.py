"""Monitoring: made where it can be used, narrowed to its release, and explained for whoever is woken by it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from helm_python import HelmError
from tests.deploy.promql import matchers, selectors

from assay_gateway.entrypoints.http.app import documentation

SELF_MADE = "assay:"
"""Names of recorded series begin so."""
ALL_ON = {
    "monitoring": {kind: {"enabled": True} for kind in ("podMonitors", "rules", "dashboards")},
    "networkPolicy": {"monitoring": [{"namespaceSelector": {}}]},
}


@pytest.fixture(scope="module")
def rules(chart: Path) -> list[dict[str, Any]]:
    """All rules, as the chart's files have them."""
    files = sorted((chart / "monitoring" / "rules").glob("*.yaml"))
    return [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def alerts(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [rule for rule in rules if "alert" in rule]


@pytest.fixture(scope="module")
def runbooks(root: Path) -> str:
    return (root / "docs" / "operations" / "runbooks.md").read_text()


def test_nothing_is_made_where_the_kinds_are_not_known(rendering: Any) -> None:
    """Offline no kind is known but Kubernetes' own, as in a cluster without the prometheus-operator."""
    assert not rendering.of_kind("PodMonitor")
    assert not rendering.of_kind("PrometheusRule")
    assert not [name for name in rendering.of_kind("ConfigMap") if "dashboard" in name]


@pytest.mark.parametrize(
    ("kind", "wanted"), [("PodMonitor", "podMonitors"), ("PrometheusRule", "rules"), ("ConfigMap", "dashboards")]
)
def test_each_is_made_where_it_is_asked_for(kind: str, wanted: str, minimal: Any) -> None:
    asked = {"monitoring": {wanted: {"enabled": True}}, "networkPolicy": ALL_ON["networkPolicy"]}
    kinds = {"PodMonitor", "PrometheusRule"}

    made = minimal(asked)

    assert made.of_kind(kind)
    assert not any(made.of_kind(other) for other in kinds - {kind})


def test_every_component_is_scraped_and_nothing_else(minimal: Any) -> None:
    rendering = minimal(ALL_ON)
    (monitor,) = rendering.of_kind("PodMonitor").values()
    (expression,) = monitor["spec"]["selector"]["matchExpressions"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

    for name, pod in rendering.pods.items():
        labels = pod["metadata"]["labels"]
        selected = monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ports = {port["name"] for each in pod["spec"]["containers"] for port in each.get("ports", [])}
        scraped = selected and labels["app.kubernetes.io/component"] in expression["values"]
        assert scraped == (endpoint["port"] in ports), name


def test_metrics_that_nobody_may_read_are_refused(minimal: Any) -> None:
    with pytest.raises(HelmError, match="set it to a peer that is your Prometheus"):
        minimal({"monitoring": {"podMonitors": {"enabled": True}}})
    assert minimal({"monitoring": {"podMonitors": {"enabled": True}}, "networkPolicy": {"enabled": False}})


def test_rules_see_their_own_release_only(minimal: Any, render: Any) -> None:
    made = minimal(ALL_ON).of_kind("PrometheusRule")
    assert set(made) == {"causes", "objectives"}
    for rule in (rule for each in made.values() for group in each["spec"]["groups"] for rule in group["rules"]):
        for selector in selectors(rule["expr"]):
            wanted = matchers(selector)
            if selector.name.startswith("certmanager_"):  # scraped at cert-manager, in its namespace
                assert wanted["exported_namespace"].value == "assay"
                continue
            assert wanted["namespace"].value == "assay"
            if selector.name.startswith("kube_"):
                assert next(wanted[name] for name in ("pod", "job_name") if name in wanted).value.startswith("assay-")
            else:
                assert wanted["job"].value == "assay"


def test_a_release_of_another_name_has_other_rules(minimal: Any) -> None:
    made = minimal({**ALL_ON, "fullnameOverride": "second"}).objects
    expressions = "\n".join(
        rule["expr"]
        for each in made
        if each["kind"] == "PrometheusRule"
        for group in each["spec"]["groups"]
        for rule in group["rules"]
    )
    (monitor,) = [each for each in made if each["kind"] == "PodMonitor"]
    (job,) = [
        each["replacement"]
        for each in monitor["spec"]["podMetricsEndpoints"][0]["relabelings"]
        if each["targetLabel"] == "job"
    ]

    assert job == "second"
    assert 'job="second",namespace="assay"' in expressions
    assert 'pod=~"second-' in expressions
    assert '"assay-' not in expressions
    assert 'job="assay"' not in expressions


def test_alerts_can_be_left_out_and_labelled(minimal: Any) -> None:
    values = {
        "monitoring": {
            "rules": {
                "enabled": True,
                "disabled": ["AssayValkeyAway"],
                "alertLabels": {"team": "evaluation"},
                "labels": {"release": "kube-prometheus-stack"},
                "runbookUrl": "https://wiki.example.com/assay",
            }
        }
    }
    made = minimal(values).of_kind("PrometheusRule")
    named = {
        rule["alert"]: rule
        for each in made.values()
        for group in each["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }

    assert "AssayValkeyAway" not in named
    for name, rule in named.items():
        assert rule["labels"]["team"] == "evaluation"
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example.com/assay#{name.lower()}"
    for each in made.values():
        assert each["metadata"]["labels"]["release"] == "kube-prometheus-stack"


def test_every_rule_parses_and_uses_what_is_recorded(rules: list[dict[str, Any]]) -> None:
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        for selector in selectors(rule["expr"]):
            if selector.name.startswith(SELF_MADE):
                assert selector.name in recorded, selector.name


def test_a_query_that_is_none_does_not_pass() -> None:
    with pytest.raises(ValueError, match=r"."):
        list(selectors('sum by (job (rate(up{job="assay"}[5m]))'))
    assert [each.name for each in selectors("a / on (job) sum(rate(b[5m])) unless topk(3, c)")] == ["a", "b", "c"]


def test_an_alert_says_what_how_bad_and_how_much(alerts: list[dict[str, Any]]) -> None:
    for alert in alerts:
        assert alert["labels"]["severity"] in ("page", "ticket"), alert["alert"]
        assert re.fullmatch(r"Assay([A-Z][a-z]+)+", alert["alert"])
        texts = alert["annotations"]
        assert set(texts) == {"summary", "description"}, alert["alert"]
        assert texts["summary"].endswith(".")
        if not alert["expr"].startswith("absent"):
            assert "$value" in texts["description"] or "$labels" in texts["description"], alert["alert"]


def test_labels_that_a_text_names_are_there(alerts: list[dict[str, Any]]) -> None:
    """An aggregation keeps only the labels that it names; without one all of the series are there."""
    for alert in alerts:
        kept = set(re.findall(r"by \(([^)]*)\)", alert["expr"]))
        if not kept:
            continue
        labels = {label.strip() for group in kept for label in group.split(",")}
        named = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["description"]))
        assert named <= labels, alert["alert"]


def test_each_alert_has_a_runbook_and_each_runbook_an_alert(alerts: list[dict[str, Any]], runbooks: str) -> None:
    chapters = re.split(r"^## ", runbooks, flags=re.MULTILINE)[1:]
    assert [chapter.split("\n", 1)[0] for chapter in chapters] == list(
        dict.fromkeys(re.findall(r"^## (\w+)$", runbooks, flags=re.MULTILINE))
    )
    assert {chapter.split("\n", 1)[0] for chapter in chapters} == {alert["alert"] for alert in alerts}
    for chapter in chapters:
        for part in ("**Meaning.**", "**Impact.**", "**Diagnosis.**", "**Mitigation.**"):
            assert part in chapter, chapter[:40]


def test_runbooks_name_alerts_that_there_are_and_queries_that_parse(
    alerts: list[dict[str, Any]], runbooks: str
) -> None:
    assert set(re.findall(r"\*(Assay[A-Z]\w+)\*", runbooks)) <= {alert["alert"] for alert in alerts}
    queries = [line for block in re.findall(r"```promql\n(.*?)```", runbooks, re.DOTALL) for line in block.splitlines()]
    assert len(queries) > 20
    for query in queries:
        promql_parser.parse(query)


def test_the_objectives_are_those_that_are_written_down(chart: Path, root: Path) -> None:
    page = (root / "docs" / "operations" / "slo.md").read_text()
    promised = {name: float(share) for name, share in re.findall(r"^\| (\w+) \| ([\d.]+)%", page, flags=re.MULTILINE)}
    text = (chart / "monitoring" / "rules" / "objectives.yaml").read_text()
    budgets = {
        name: float(share)
        for name, share in re.findall(r'0 \* assay:slo_events:rate5m\{job="assay",slo="(\w+)"\} \+ ([\d.]+)', text)
    }

    assert {name: round(100 * (1 - share), 3) for name, share in budgets.items()} == promised


def test_routes_that_are_slow_by_design_are_routes(chart: Path) -> None:
    text = (chart / "monitoring" / "rules" / "objectives.yaml").read_text()
    (slow,) = re.findall(r'route!~"([^"]+)"', text)
    counted = re.compile(r"/v1/.+|/graphql")
    routes = set(documentation()["paths"])
    left_out = {route for route in routes if re.fullmatch(slow, route)}

    for alternative in re.split(r"\|(?![^(]*\))", slow):
        assert any(re.fullmatch(alternative, route) for route in left_out), alternative
    assert {"/v1/sessions", "/v1/live"} <= left_out
    assert {"/v1/prompts/{prompt}/resolve", "/v1/runs", "/graphql"} <= {
        r for r in routes - left_out if counted.fullmatch(r)
    }


def test_dashboards_are_those_that_the_program_writes(root: Path, chart: Path, tmp_path: Path) -> None:
    program = "import sys; from deploy.monitoring.dashboards import *; " + (
        "[open(f'{sys.argv[1]}/{name}.json', 'w').write(rendered(build())) for name, build in DASHBOARDS.items()]"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=root, check=True)
    written = {path.name: path.read_text() for path in (chart / "monitoring" / "dashboards").glob("*.json")}

    assert written == {path.name: path.read_text() for path in tmp_path.iterdir()}, "run `make dashboards`"


def test_dashboards_come_in_config_maps_that_grafana_finds(minimal: Any) -> None:
    made = {name: each for name, each in minimal(ALL_ON).of_kind("ConfigMap").items() if name.startswith("dashboard-")}

    assert set(made) == {f"dashboard-{name}" for name in ("overview", "gateway", "messages", "evaluation", "audits")}
    for name, each in made.items():
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        (text,) = each["data"].values()
        dashboard = json.loads(text)
        assert dashboard["uid"] == f"assay-{name.removeprefix('dashboard-')}"
        assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource", "namespace", "job"]
        assert len(text) < 500_000


def test_panels_ask_their_release_for_what_there_is(chart: Path, rules: list[dict[str, Any]]) -> None:
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for path in (chart / "monitoring" / "dashboards").glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"].replace("$__rate_interval", "5m")
                for selector in selectors(query):
                    assert matchers(selector)["job"].value == "$job", (path.name, panel["title"])
                    assert matchers(selector)["namespace"].value == "$namespace", (path.name, panel["title"])
                    assert not selector.name.startswith(SELF_MADE) or selector.name in recorded
