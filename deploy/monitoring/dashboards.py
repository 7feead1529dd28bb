"""The dashboards: from what users feel to what it may come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from deploy.monitoring.panels import dashboard, lines, number, per_second, quantiles
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder

OBJECTIVES: Final = {
    "availability": "Availability 99.9%",
    "latency_100ms": "95% under 100 ms",
    "latency_250ms": "99% under 250 ms",
    "freshness": "Events within 10 s 99.9%",
    "evaluation": "Items measured 99%",
    "audit": "Audits done 99%",
}


def overview() -> Dashboard:
    """Objectives and budgets first, then what runs."""
    made = dashboard("overview", "Assay / Overview", "What users were promised, and what is left of the error budgets.")
    made = made.with_row(Row("Error budget left of 30 days"))
    for slo, title in OBJECTIVES.items():
        left = f'1 - assay:slo_burn:rate30d{{SCOPE,slo="{slo}"}}'
        made = made.with_panel(number(title, left, "percentunit", red_below=0.0))
    return (
        made.with_row(Row("How fast it goes (1 = all of it in 30 days)"))
        .with_panel(lines("Burn rate, 5 minutes", {"{{slo}}": "assay:slo_burn:rate5m{SCOPE}"}, limit=14.4))
        .with_panel(lines("Burn rate, 1 hour", {"{{slo}}": "assay:slo_burn:rate1h{SCOPE}"}, limit=14.4))
        .with_panel(lines("Burn rate, 6 hours", {"{{slo}}": "assay:slo_burn:rate6h{SCOPE}"}, limit=6))
        .with_row(Row("What runs"))
        .with_panel(lines("Ready pods", {"{{component}}": "sum by (component) (service_ready{SCOPE})"}))
        .with_panel(
            lines(
                "Failing checks", {"{{component}} {{check}}": "sum by (component, check) (service_check_failed{SCOPE})"}
            )
        )
        .with_panel(
            lines("Versions", {"{{component}} {{version}}": "count by (component, version) (service_info{SCOPE})"})
        )
        .with_panel(
            lines(
                "CPU",
                {"{{component}}": per_second("process_cpu_seconds_total", "component")},
            )
        )
        .with_panel(
            lines("Memory", {"{{component}}": "sum by (component) (process_resident_memory_bytes{SCOPE})"}, "bytes")
        )
        .with_panel(lines("Open files", {"{{component}}": "max by (component) (process_open_fds{SCOPE})"}))
    )


def gateway() -> Dashboard:
    """Requests, their time, and what holds them up."""
    made = dashboard("gateway", "Assay / Gateway", "Requests over HTTP, limits, caches and the live feed.")
    requests = per_second("gateway_requests_total", "status")
    slowest = "topk(10, histogram_quantile(0.95, sum by (le, route) (rate(gateway_request_seconds_bucket{SCOPE}[5m]))))"
    return (
        made.with_row(Row("Requests"))
        .with_panel(lines("Answers by status", {"{{status}}": requests}, "reqps", stacked=True))
        .with_panel(
            lines("Time of a request", quantiles("gateway_request_seconds", where=',route!="/v1/live"'), "s", limit=0.1)
        )
        .with_panel(lines("Slowest routes, p95", {"{{route}}": slowest}, "s"))
        .with_panel(
            lines(
                "Queue",
                {
                    "running": "sum(gateway_requests_running{SCOPE})",
                    "queued": "sum(gateway_requests_queued{SCOPE})",
                    "turned away a second": per_second("gateway_requests_turned_away_total"),
                },
            )
        )
        .with_panel(
            lines(
                "Rate limits",
                {"{{by}} {{outcome}}": per_second("gateway_rate_limit_decisions_total", "by, outcome")},
                "ops",
            )
        )
        .with_panel(lines("Limits kept by each gateway alone", {"{{pod}}": "gateway_rate_limit_local{SCOPE}"}))
        .with_row(Row("Caches"))
        .with_panel(
            lines(
                "Reads of prompts",
                {"{{outcome}}": per_second("gateway_prompt_cache_total", "outcome")},
                "ops",
            )
        )
        .with_panel(lines("Prompt cache", {"{{pod}}": "gateway_prompt_cache_bytes{SCOPE}"}, "bytes"))
        .with_panel(
            lines(
                "API keys asked for at auth",
                {"{{outcome}}": per_second("gateway_api_key_exchanges_total", "outcome")},
                "ops",
            )
        )
        .with_row(Row("Live feed"))
        .with_panel(lines("Open feeds", {"{{pod}}": "gateway_live_connections{SCOPE}"}))
        .with_panel(
            lines(
                "Events",
                {
                    "handed over": per_second("gateway_live_events_total"),
                    "readers too slow": per_second("gateway_live_slow_readers_total"),
                    "gaps": per_second("gateway_live_gaps_total"),
                },
                "ops",
            )
        )
        .with_panel(
            lines("Age of the event stream", {"{{pod}}": "gateway_event_stream_age_seconds{SCOPE}"}, "s", limit=5)
        )
        .with_row(Row("Services behind"))
        .with_panel(
            lines(
                "RPCs",
                {"{{component}}": per_second("grpc_server_handled_total", "component")},
                "ops",
            )
        )
        .with_panel(
            lines(
                "RPCs that fail",
                {
                    "{{component}} {{code}}": "sum by (component, code) (rate(grpc_server_handled_total"
                    '{SCOPE,code=~"INTERNAL|UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED"}[$__rate_interval]))'
                },
                "ops",
            )
        )
        .with_panel(
            lines(
                "Time of an RPC, p95",
                {
                    "{{component}}": "histogram_quantile(0.95, sum by (le, component) "
                    "(rate(grpc_server_handling_seconds_bucket{SCOPE}[$__rate_interval])))"
                },
                "s",
            )
        )
    )


def messages() -> Dashboard:
    """From the database over Kafka to whoever listens."""
    made = dashboard(
        "messages", "Assay / Messages", "Outbox, lag, delivery and dead letters; the database they come from."
    )
    return (
        made.with_row(Row("Outbox"))
        .with_panel(lines("Events that wait", {"{{schema}}": "max by (schema) (outbox_unpublished{SCOPE})"}))
        .with_panel(
            lines("The oldest", {"{{schema}}": "max by (schema) (outbox_oldest_seconds{SCOPE})"}, "s", limit=120)
        )
        .with_panel(
            lines(
                "Published",
                {"{{schema}}": per_second("outbox_published_total", "schema")},
                "ops",
            )
        )
        .with_row(Row("Consumers"))
        .with_panel(lines("Lag", {"{{component}} {{topic}}": "sum by (component, topic) (kafka_consumer_lag{SCOPE})"}))
        .with_panel(
            lines(
                "Events to their handling",
                quantiles("kafka_delivery_seconds", where=',topic=~".+[.]events"'),
                "s",
                limit=10,
            )
        )
        .with_panel(lines("Tasks to their end", quantiles("kafka_delivery_seconds", where=',topic=~".+[.]tasks"'), "s"))
        .with_panel(
            lines(
                "Handled",
                {
                    "{{component}} {{topic}}": "sum by (component, topic) "
                    '(rate(kafka_consumed_total{SCOPE,outcome="done"}[$__rate_interval]))'
                },
                "ops",
            )
        )
        .with_panel(
            lines(
                "Put aside or passed over, an hour",
                {
                    "{{component}} {{topic}} {{outcome}}": "sum by (component, topic, outcome) "
                    '(increase(kafka_consumed_total{SCOPE,outcome!="done"}[1h]))'
                },
            )
        )
        .with_panel(lines("Leaders of outboxes", {"{{schema}}": "sum by (schema) (outbox_leader{SCOPE})"}))
        .with_row(Row("Database"))
        .with_panel(
            lines(
                "Connections",
                {
                    "{{component}} used": "sum by (component) (database_pool_size{SCOPE} - database_pool_idle{SCOPE})",
                    "{{component}} most": "sum by (component) (database_pool_limit{SCOPE})",
                },
            )
        )
        .with_panel(
            lines(
                "Wait for a connection, p99",
                {
                    "{{component}}": "histogram_quantile(0.99, sum by (le, component) "
                    "(rate(database_pool_wait_seconds_bucket{SCOPE}[$__rate_interval])))"
                },
                "s",
                limit=0.25,
            )
        )
        .with_panel(lines("Mails that wait", {"mails": "max(auth_mails_waiting{SCOPE})"}))
    )


def evaluation() -> Dashboard:
    """Runs: items, models, tokens."""
    made = dashboard("evaluation", "Assay / Evaluation", "Items that workers measure, and the models that they ask.")
    return (
        made.with_row(Row("Items"))
        .with_panel(
            lines(
                "Done",
                {"{{outcome}}": per_second("evaluation_items_total", "outcome")},
                "ops",
                stacked=True,
            )
        )
        .with_panel(
            lines(
                "Tasks that wait",
                {"tasks": 'sum(kafka_consumer_lag{SCOPE,topic="assay.evaluation.tasks"})'},
            )
        )
        .with_panel(lines("Workers", {"ready": 'sum(service_ready{SCOPE,component="evaluation-worker"})'}))
        .with_row(Row("Models"))
        .with_panel(
            lines(
                "Requests",
                {
                    "{{gen_ai_request_model}} {{outcome}}": "sum by (gen_ai_request_model, outcome) "
                    "(rate(gen_ai_client_operation_duration_seconds_count{SCOPE}[$__rate_interval]))"
                },
                "ops",
            )
        )
        .with_panel(
            lines(
                "Time of a request, p95",
                {
                    "{{gen_ai_request_model}}": "histogram_quantile(0.95, sum by (le, gen_ai_request_model) "
                    "(rate(gen_ai_client_operation_duration_seconds_bucket{SCOPE}[$__rate_interval])))"
                },
                "s",
            )
        )
        .with_panel(
            lines(
                "Tokens",
                {"{{model}} {{kind}}": per_second("evaluation_tokens_total", "model, kind")},
                "ops",
            )
        )
    )


def audits() -> Dashboard:
    """Audits: results, times, space."""
    made = dashboard("audits", "Assay / Audits", "Audits of repositories, their time and their space.")
    return (
        made.with_row(Row("Audits"))
        .with_panel(
            lines(
                "Done",
                {"{{kind}} {{outcome}}": per_second("audit_measurements_total", "kind, outcome")},
                "ops",
            )
        )
        .with_panel(lines("Time of an audit", quantiles("audit_measurement_seconds"), "s"))
        .with_panel(
            lines(
                "Repositories brought in",
                {"{{outcome}}": per_second("audit_preparations_total", "outcome")},
                "ops",
            )
        )
        .with_row(Row("Work and space"))
        .with_panel(lines("Tasks that wait", {"tasks": 'sum(kafka_consumer_lag{SCOPE,topic="assay.audit.tasks"})'}))
        .with_panel(
            lines(
                "Mirrors of repositories",
                {"{{pod}}": "audit_cache_bytes{SCOPE}", "limit": "max(audit_cache_limit_bytes{SCOPE})"},
                "bytes",
            )
        )
        .with_panel(
            lines(
                "Free space", {"{{pod}}": "audit_data_free_bytes{SCOPE} / audit_data_size_bytes{SCOPE}"}, "percentunit"
            )
        )
    )


DASHBOARDS: Final[Mapping[str, Callable[[], Dashboard]]] = {
    "overview": overview,
    "gateway": gateway,
    "messages": messages,
    "evaluation": evaluation,
    "audits": audits,
}


def rendered(made: Dashboard) -> str:
    """The JSON that Grafana reads."""
    return json.dumps(made.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"
