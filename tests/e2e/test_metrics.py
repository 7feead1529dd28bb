"""What rules and dashboards ask for is what the running suite exposes, with the labels by which they ask."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.deploy.promql import grouped, matchers, selectors
from tests.e2e.asked import short_run

from assay_testing.api import Api, eventually
from assay_testing.repositories import bundle, repository

MONITORING = Path(__file__).parents[2] / "deploy" / "helm" / "assay" / "monitoring"
SCRAPING = {"namespace", "job", "component", "pod", "instance", "container", "endpoint"}
"""Labels that Prometheus puts on."""
RECORDING = {"alertname", "severity", "slo"}
OTHERS = re.compile(r"up|kube_\w+|certmanager_\w+|trusted_certificates_\w+")
"""Metrics of Prometheus itself, of kube-state-metrics and of cert-manager; and of certificates, which the suite, being
on one machine, does without: tests/deploy/test_encrypted.py asks for them where there are some."""


def queries() -> list[str]:
    rules = [
        rule["expr"]
        for path in sorted((MONITORING / "rules").glob("*.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]
    panels = [
        target["expr"].replace("$__rate_interval", "5m")
        for path in sorted((MONITORING / "dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    ]
    page = (Path(__file__).parents[2] / "docs" / "operations" / "runbooks.md").read_text()
    blocks = re.findall(r"```promql\n(.*?)```", page, re.DOTALL)
    return [*rules, *panels, *(line for block in blocks for line in block.splitlines())]


@pytest.fixture(scope="module")
def exposed(stack, tmp_path_factory):
    """Metric → its label sets over all processes, after a run and an audit."""
    api = Api(stack.gateway_url, stack.admin_email, stack.admin_password)
    run = api.post("/v1/runs", short_run(api))
    with api.with_key("prompts:read") as program:
        assert program.get("/v1/prompts/echo/resolve", params={"version": 1}).is_success
    folder = repository(tmp_path_factory.mktemp("code") / "shop", {"shop.py": "import os\n"})
    api.post("/v1/repositories", {"name": "shop"})
    api.upload("/v1/repositories/shop/bundles", bundle(folder), "application/x-git-bundle")
    audit = api.post("/v1/audits", {"repository": "shop"})
    api.finished(f"/v1/runs/{run['id']}")
    api.finished(f"/v1/audits/{audit['id']}")
    eventually(lambda: api.get("/v1/analytics/summary")["counters"], lambda counters: counters["audits_completed"] == 1)
    return eventually(lambda: scraped(stack), lambda found: "kafka_delivery_seconds_count" in found)


def scraped(stack):
    found = defaultdict(list)
    for entry in stack.table:
        text = httpx.get(f"{stack.process(entry.name).ops_url}/metrics", headers={"accept": "text/plain"}).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name].append({**sample.labels, "component": entry.name})
    return found


def test_every_metric_that_is_asked_for_is_there_with_its_labels(exposed):
    for query in queries():
        for selector in selectors(query):
            if selector.name.startswith("assay:") or OTHERS.fullmatch(selector.name):
                continue
            assert selector.name in exposed, f"{selector.name} is asked for and not exposed: {query}"
            known = {label for labels in exposed[selector.name] for label in labels} | SCRAPING
            assert set(matchers(selector)) <= known, f"{selector.name} has no such label: {query}"


def test_labels_by_which_is_grouped_exist(exposed):
    for query in queries():
        names = [selector.name for selector in selectors(query)]
        if any(name.startswith("assay:") or OTHERS.fullmatch(name) for name in names):
            continue
        known = {label for name in names for labels in exposed[name] for label in labels}
        assert set(grouped(query)) <= known | SCRAPING | RECORDING, query


def test_values_that_are_asked_for_can_come(exposed):
    """A label's value that is compared for equality, and boundaries of histograms, are ones that the code uses."""
    for query in queries():
        for selector in selectors(query):
            for label, matcher in matchers(selector).items():
                if matcher.op == promql_parser.MatchOp.Equal and label in ("le", "check", "topic"):
                    recorded = selector.name.startswith("assay:")
                    source = "gateway_request_seconds_bucket" if recorded else selector.name
                    values = {labels.get(label) for labels in exposed[source]}
                    assert matcher.value in values, (
                        f"{selector.name}{{{label}={matcher.value!r}}}: {sorted(map(str, values))}"
                    )


def test_labels_are_bounded(exposed):
    """Nothing that grows with the tenants: no ids, no addresses, no paths but the templates of routes."""
    identity = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|@|[0-9a-f]{24}")
    for name, series in exposed.items():
        for labels in series:
            for label, value in labels.items():
                assert not identity.search(value), f"{name}{{{label}={value!r}}}"
        assert len({tuple(sorted(labels.items())) for labels in series}) < 3000, name


def test_names_say_their_unit(exposed):
    """Seconds, bytes and totals after the conventions of Prometheus."""
    ours = re.compile(r"(gateway|auth|evaluation|audit|kafka|outbox|database|grpc|service)_")
    for name in exposed:
        if ours.match(name):
            assert not re.search(r"_(ms|milliseconds|minutes|kb|mb)(_|$)", name), name
