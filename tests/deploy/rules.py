"""The chart's rules on made-up series: what fires when, and that nothing else does. promtool does the evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Firing = Mapping[tuple[str, str], int]
"""Alert and severity → how many fire."""

HERE = 'namespace="assay",job="assay"'
ALIVE = {
    f'up{{{HERE},component="gateway",pod="g-1"}}': "1x{n}",
    f'service_ready{{{HERE},component="gateway",pod="g-1"}}': "1x{n}",
}
"""There in every scenario unless it says otherwise; `{n}` is the number of samples after the first."""


@dataclass(frozen=True)
class Scenario:
    """Series in promtool's notation, and exactly which alerts fire at which times."""

    name: str
    series: Mapping[str, str]
    expected: Mapping[str, Firing]
    """Time since the start → all alerts that fire then."""
    interval: str = "1m"
    samples: int = 90
    alive: Mapping[str, str] = field(default_factory=lambda: ALIVE)

    def as_promtool(self) -> dict[str, Any]:
        """The scenario as promtool's test file has it."""
        series = {**self.alive, **self.series}
        return {
            "name": self.name,
            "interval": self.interval,
            "input_series": [
                {"series": name, "values": values.format(n=self.samples)} for name, values in series.items()
            ],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
                    "eval_time": time,
                    "exp_samples": [
                        {"labels": f'{{alertname="{alert}", severity="{severity}"}}', "value": number}
                        for (alert, severity), number in firing.items()
                    ],
                }
                for time, firing in self.expected.items()
            ],
        }


def requests(**rates: float) -> dict[str, str]:
    """Answers of the gateway by class, a minute; the class of s5 is 5xx. None of a class is a rate of nothing."""
    return {answers(name): f"0+{rates.get(name, 0):g}x{{n}}" for name in ("s2", "s4", "s5")}


def answers(name: str) -> str:
    """The series of answers of a class."""
    return f'gateway_answers_total{{{HERE},component="gateway",pod="g-1",status_class="{name[1:]}xx"}}'


def times(metric: str, labels: str, buckets: Mapping[str, float]) -> dict[str, str]:
    """A histogram that grows by so many in each bucket (cumulative) a minute."""
    made = {f'{metric}_bucket{{{labels},le="{le}"}}': f"0+{rate:g}x{{n}}" for le, rate in buckets.items()}
    return {**made, f"{metric}_count{{{labels}}}": made[f'{metric}_bucket{{{labels},le="+Inf"}}']}


ROUTE = f'{HERE},component="gateway",pod="g-1",route="/v1/prompts"'
PASSWORDS = f'{HERE},component="gateway",pod="g-1",route="/v1/sessions"'
EVENTS = f'{HERE},component="analytics",pod="n-1",topic="assay.prompt.events"'
PAGE, TICKET = "page", "ticket"
NOTHING: Firing = {}
AVAILABILITY, LATENCY = "AssayAvailabilityBudgetBurn", "AssayLatencyBudgetBurn"

OBJECTIVES: Sequence[Scenario] = (
    Scenario(
        "all is well",
        {
            **requests(s2=6000, s4=100),
            **times("gateway_request_seconds", ROUTE, {"0.1": 990, "0.25": 999, "+Inf": 1000}),
        },
        {"30m": NOTHING, "80m": NOTHING},
    ),
    Scenario(
        "2% of requests fail: a page within an hour, for the budget lasts a day and a half",
        requests(s2=980, s5=20),
        # In the first hour the long window holds only what there is, so both windows see it at once.
        {"1m": NOTHING, "10m": {(AVAILABILITY, PAGE): 1}, "80m": {(AVAILABILITY, PAGE): 1, (AVAILABILITY, TICKET): 1}},
    ),
    Scenario(
        "a fifth failed for a quarter of an hour: the page ends with it, a ticket stays",
        {
            **requests(s2=1000),
            answers("s5"): "0x180 250+250x15 4000x{n}",
        },
        {
            "180m": NOTHING,
            "190m": {(AVAILABILITY, PAGE): 1},
            "255m": {(AVAILABILITY, TICKET): 1},
        },
        samples=260,
    ),
    Scenario(
        "half of eight requests an hour fail: no page for a handful, a ticket all the same",
        {
            **requests(s2=0.1, s5=0.1),
        },
        {"20m": {(AVAILABILITY, TICKET): 1}, "60m": {(AVAILABILITY, TICKET): 1}},
    ),
    Scenario(
        "0.5% of requests fail: a ticket, for the budget lasts six days",
        requests(s2=9950, s5=50),
        {"90m": {(AVAILABILITY, TICKET): 1}},
        samples=120,
    ),
    Scenario(
        "0.05% of requests fail: within the budget",
        requests(s2=9995, s5=5),
        {"90m": NOTHING},
        samples=120,
    ),
    Scenario(
        "everything takes 300 ms",
        times("gateway_request_seconds", ROUTE, {"0.1": 0, "0.25": 0, "+Inf": 1000}),
        # 100 ms: 1 / 0.05 = 20 times the budget; 250 ms: 1 / 0.01 = 100 times.
        {"20m": {(LATENCY, PAGE): 2, (LATENCY, TICKET): 2}},
    ),
    Scenario(
        "signing in takes long by design",
        times("gateway_request_seconds", PASSWORDS, {"0.1": 0, "0.25": 1000, "+Inf": 1000}),
        {"60m": NOTHING},
    ),
    Scenario(
        "events are handled late",
        times("kafka_delivery_seconds", EVENTS, {"10.0": 900, "+Inf": 1000}),
        {"20m": {("AssayFreshnessBudgetBurn", PAGE): 1, ("AssayFreshnessBudgetBurn", TICKET): 1}},
    ),
    Scenario(
        "tasks may wait",
        times("kafka_delivery_seconds", EVENTS.replace(".events", ".tasks"), {"10.0": 0, "+Inf": 1000}),
        {"60m": NOTHING},
    ),
    Scenario(
        "a tenth of the items is not measured, a tenth of the audits fails: nobody is woken for it",
        {
            f'evaluation_items_total{{{HERE},model="m",outcome="measured"}}': "0+90x{n}",
            f'evaluation_items_total{{{HERE},model="m",outcome="unmeasured"}}': "0+10x{n}",
            f'audit_measurements_total{{{HERE},kind="tdd",outcome="measured"}}': "0+90x{n}",
            f'audit_measurements_total{{{HERE},kind="tdd",outcome="failed"}}': "0+10x{n}",
        },
        {"10m": NOTHING, "30m": {("AssayEvaluationBudgetBurn", TICKET): 1, ("AssayAuditBudgetBurn", TICKET): 1}},
    ),
    Scenario(
        "an audit that finds nothing to measure is none that failed",
        {
            f'audit_measurements_total{{{HERE},kind="tdd",outcome="measured"}}': "0+1x{n}",
            f'audit_measurements_total{{{HERE},kind="tdd",outcome="nothing_to_measure"}}': "0+99x{n}",
            f'audit_measurements_total{{{HERE},kind="tdd",outcome="failed"}}': "0x{n}",
        },
        {"60m": NOTHING},
    ),
)


def cause(
    alert: str, severity: str, series: Mapping[str, str], *, silent: str, fires: str, number: int = 1, **more: Any
) -> Scenario:
    """One alert that is silent at one time and fires at another."""
    return Scenario(alert, series, {silent: NOTHING, fires: {(alert, severity): number}}, **more)


GATEWAY = f'{HERE},component="gateway",pod="g-1"'
PROMPT = f'{HERE},component="prompt",pod="p-1"'
SECOND = f'{HERE},component="prompt",pod="p-2"'
CALLS = f'{HERE},component="prompt",pod="p-1",method="/assay.prompt.v1.PromptService/GetPrompt"'
MODEL = f'{HERE},component="evaluation-worker",pod="w-1",gen_ai_request_model="small"'
TASKS = f'{HERE},component="audit-worker",pod="w-1",topic="assay.audit.tasks"'
AUDIT = f'{HERE},component="audit-worker",pod="w-1"'

TRUSTED = "trusted_certificates_not_after_timestamp_seconds"
MADE = "certmanager_certificate"

CAUSES: Sequence[Scenario] = (
    cause("AssayMetricsAbsent", PAGE, {}, silent="9m", fires="11m", alive={}),
    Scenario(
        "another release's metrics are none of ours",
        {'up{namespace="other",job="assay-other",pod="x"}': "1x{n}"},
        {"11m": {("AssayMetricsAbsent", PAGE): 1}},
        alive={},
    ),
    cause("AssayTargetDown", TICKET, {f"up{{{PROMPT}}}": "0x{n}"}, silent="9m", fires="11m"),
    Scenario(
        "AssayComponentNotReady",
        {f"service_ready{{{PROMPT}}}": "1x5 0x{n}", f"service_ready{{{SECOND}}}": "0x{n}"},
        {
            "7m": NOTHING,
            "10m": {("AssayComponentNotReady", PAGE): 1},
            "22m": {("AssayComponentNotReady", PAGE): 1, ("AssayPodNotReady", TICKET): 2},
        },
    ),
    cause(
        "AssayPodNotReady",
        TICKET,
        {f"service_ready{{{PROMPT}}}": "0x{n}", f"service_ready{{{SECOND}}}": "1x{n}"},
        silent="14m",
        fires="16m",
    ),
    cause(
        "AssayPodNotStarting",
        TICKET,
        {
            'kube_pod_container_status_waiting_reason{namespace="assay",pod="assay-auth-x",container="auth",'
            'reason="CrashLoopBackOff"}': "1x{n}",
            'kube_pod_container_status_waiting_reason{namespace="assay",pod="elsewhere-x",container="c",'
            'reason="CrashLoopBackOff"}': "1x{n}",
        },
        silent="9m",
        fires="11m",
    ),
    cause(
        "AssayRestarts",
        TICKET,
        {f"process_start_time_seconds{{{PROMPT}}}": "1x10 2x5 3x5 4x5 5x60"},
        silent="24m",
        fires="30m",
    ),
    cause(
        "AssayInternalErrors",
        TICKET,
        {
            f'grpc_server_handled_total{{{CALLS},code="OK"}}': "0+95x{n}",
            f'grpc_server_handled_total{{{CALLS},code="INTERNAL"}}': "0x20 5+5x{n}",
            f'grpc_server_handled_total{{{CALLS},code="NOT_FOUND"}}': "0+50x{n}",
        },
        silent="20m",
        fires="45m",
    ),
    cause(
        "AssayCertificateExpires",
        TICKET,
        {
            # After 30 minutes one pod's has less than five days, and that of the other is renewed.
            f'{TRUSTED}{{{PROMPT},file="/etc/assay/kafka/ca.crt"}}': "433800x{n}",
            f'{TRUSTED}{{{SECOND},file="/etc/assay/kafka/ca.crt"}}': "9e9x{n}",
            f'{TRUSTED}{{{PROMPT},file="/etc/assay/database/ca.crt"}}': "9e9x{n}",
            f'{MADE}_expiration_timestamp_seconds{{exported_namespace="assay",name="late"}}': "86400x{n}",
            f'{MADE}_renewal_timestamp_seconds{{exported_namespace="assay",name="late"}}': "1800x{n}",
            f'{MADE}_expiration_timestamp_seconds{{exported_namespace="assay",name="short-lived"}}': "86400x{n}",
            f'{MADE}_renewal_timestamp_seconds{{exported_namespace="assay",name="short-lived"}}': "57600x{n}",
            f'{MADE}_expiration_timestamp_seconds{{exported_namespace="other",name="x"}}': "60x{n}",
        },
        silent="85m",
        fires="95m",
        number=2,
        samples=120,
    ),
    cause(
        "AssayRequestsTurnedAway",
        PAGE,
        {f"gateway_requests_turned_away_total{{{GATEWAY}}}": "0x10 60+60x{n}"},
        silent="10m",
        fires="20m",
    ),
    cause(
        "AssayEventStreamDown", PAGE, {f"gateway_event_stream_up{{{GATEWAY}}}": "1x5 0x{n}"}, silent="7m", fires="9m"
    ),
    cause("AssayValkeyAway", TICKET, {f"gateway_rate_limit_local{{{GATEWAY}}}": "1x{n}"}, silent="4m", fires="6m"),
    cause(
        "AssayDatabaseAway",
        PAGE,
        {f'service_check_failed{{{PROMPT},check="postgres"}}': "0x5 1x{n}"},
        silent="7m",
        fires="9m",
    ),
    cause(
        "AssayDatabasePoolExhausted",
        TICKET,
        times("database_pool_wait_seconds", PROMPT, {"0.1": 900, "0.25": 900, "0.5": 1000, "+Inf": 1000}),
        silent="9m",
        fires="16m",
    ),
    Scenario(
        "connections that are there at once",
        times("database_pool_wait_seconds", PROMPT, {"0.001": 1000, "0.25": 1000, "0.5": 1000, "+Inf": 1000}),
        {"30m": NOTHING},
    ),
    cause(
        "AssayOutboxNotDraining",
        PAGE,
        {
            f'outbox_oldest_seconds{{{PROMPT},schema="prompt"}}': "0+60x{n}",
            f'outbox_oldest_seconds{{{SECOND},schema="prompt"}}': "0x{n}",
        },
        silent="4m",
        fires="6m",
    ),
    cause(
        "AssayOutboxWithoutLeader",
        PAGE,
        {
            f'outbox_leader{{{PROMPT},schema="prompt"}}': "1x5 0x{n}",
            f'outbox_leader{{{SECOND},schema="prompt"}}': "0x{n}",
        },
        silent="10m",
        fires="12m",
    ),
    Scenario(
        "one of two leads",
        {
            f'outbox_leader{{{PROMPT},schema="prompt"}}': "1x{n}",
            f'outbox_leader{{{SECOND},schema="prompt"}}': "0x{n}",
        },
        {"30m": NOTHING},
    ),
    Scenario(
        "AssayDeadLetters",
        {f'kafka_dead_letters_total{{{AUDIT},topic="assay.audit.tasks"}}': "0x10 1x{n}"},
        {"10m": NOTHING, "12m": {("AssayDeadLetters", TICKET): 1}, "40m": NOTHING},
    ),
    cause(
        "AssayEventsUnreadable",
        TICKET,
        {f'kafka_consumed_total{{{GATEWAY},topic="assay.auth.events",outcome="unreadable"}}': "0x10 1x{n}"},
        silent="10m",
        fires="12m",
    ),
    cause(
        "AssayConsumerLagGrowing",
        TICKET,
        {f'kafka_consumer_lag{{{EVENTS},partition="0"}}': "0+50x{n}"},
        silent="19m",
        fires="22m",
    ),
    Scenario(
        "a lag that shrinks is being worked on",
        {f'kafka_consumer_lag{{{EVENTS},partition="0"}}': "9000-50x{n}"},
        {"60m": NOTHING},
    ),
    cause(
        "AssayTasksStuck",
        PAGE,
        {
            f'kafka_consumer_lag{{{TASKS},partition="0"}}': "3x{n}",
            f'kafka_consumed_total{{{TASKS},outcome="done"}}': "7x{n}",
        },
        silent="14m",
        fires="17m",
    ),
    Scenario(
        "a long queue that is worked on",
        {
            f'kafka_consumer_lag{{{TASKS},partition="0"}}': "9000x{n}",
            f'kafka_consumed_total{{{TASKS},outcome="done"}}': "0+1x{n}",
        },
        {"60m": NOTHING},
    ),
    cause(
        "AssaySigningKeyNotRotated",
        PAGE,
        {f'auth_signing_until_timestamp_seconds{{{HERE},component="auth",pod="a-1"}}': "3600x{n}"},
        silent="30m",
        fires="36m",
        samples=50,
    ),
    cause(
        "AssaySealsBroken",
        TICKET,
        {f'auth_seals_broken_total{{{HERE},component="auth",pod="a-1"}}': "0x10 1x{n}"},
        silent="10m",
        fires="12m",
    ),
    cause(
        "AssayMailsWaiting",
        TICKET,
        {f'auth_mail_oldest_seconds{{{HERE},component="auth",pod="a-1"}}': "0+60x{n}"},
        silent="20m",
        fires="22m",
    ),
    cause(
        "AssayModelFailing",
        TICKET,
        {
            f'gen_ai_client_operation_duration_seconds_count{{{MODEL},outcome="reply"}}': "0+4x{n}",
            f'gen_ai_client_operation_duration_seconds_count{{{MODEL},outcome="no_reply"}}': "0+6x{n}",
        },
        silent="14m",
        fires="18m",
    ),
    cause(
        "AssayAuditDiskFull",
        TICKET,
        {f"audit_data_free_bytes{{{AUDIT}}}": "5x{n}", f"audit_data_size_bytes{{{AUDIT}}}": "100x{n}"},
        silent="9m",
        fires="11m",
    ),
    cause(
        "AssayAuditJobsFailing",
        TICKET,
        {
            f'kube_job_status_failed{{namespace="assay",job_name="assay-audit-worker-{number}"}}': "1x{n}"
            for number in range(4)
        },
        silent="9m",
        fires="11m",
    ),
)

SCENARIOS: Sequence[Scenario] = (*OBJECTIVES, *CAUSES)
