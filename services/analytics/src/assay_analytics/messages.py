"""The messages of the contracts, in and out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message

from assay.analytics.v1 import analytics_pb2
from assay.audit.v1 import audits_pb2
from assay.audit.v1 import events_pb2 as audit
from assay.evaluation.v1 import events_pb2 as evaluation
from assay.prompt.v1 import events_pb2 as prompt
from assay_analytics.domain.counters import Bucket, Counter, Counts, Increments, ModelUsage


def increments_of(message: Message) -> Increments:
    """What an event adds besides being counted itself; nothing for most types."""
    counted_as = _COUNTED.get(type(message))
    return counted_as(message) if counted_as else Increments()


def _items_measured(message: evaluation.ItemsMeasured) -> Increments:
    priced = message.HasField("cost_usd")
    cost = Decimal(repr(message.cost_usd)) if priced else Decimal(0)
    return Increments(
        _counts(
            (Counter.ITEMS_MEASURED, message.measured),
            (Counter.ITEMS_UNMEASURED, message.unmeasured),
            (Counter.INPUT_TOKENS, message.input_tokens),
            (Counter.OUTPUT_TOKENS, message.output_tokens),
            (Counter.COST_USD, cost),
            (Counter.ITEMS_UNPRICED, 0 if priced else message.measured),
        ),
        ModelUsage(
            model=message.model,
            items=message.measured,
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            cost_usd=cost,
            latency_ms_sum=Decimal(repr(message.latency_ms_sum)),
        ),
    )


def _audit_completed(message: audit.AuditCompleted) -> Increments:
    failed = message.audit.status == audits_pb2.AUDIT_STATUS_FAILED
    ended = Counter.AUDITS_FAILED if failed else Counter.AUDITS_COMPLETED
    return Increments(_counts((ended, 1), (Counter.FINDINGS, message.audit.findings)))


def _gate_decided(message: evaluation.GateDecided) -> Increments:
    return _one(Counter.GATES_ALLOWED if message.decision.allowed else Counter.GATES_REFUSED)


def _one(counter: Counter) -> Increments:
    return Increments(_counts((counter, 1)))


def _counts(*values: tuple[Counter, int | Decimal]) -> dict[Counter, Decimal]:
    return {counter: Decimal(value) for counter, value in values if value}


_COUNTED: dict[type[Message], Callable[[Any], Increments]] = {
    evaluation.RunCreated: lambda _: _one(Counter.RUNS_CREATED),
    evaluation.RunCompleted: lambda _: _one(Counter.RUNS_COMPLETED),
    evaluation.RunCancelled: lambda _: _one(Counter.RUNS_CANCELLED),
    evaluation.ItemsMeasured: _items_measured,
    evaluation.GateDecided: _gate_decided,
    audit.AuditStarted: lambda _: _one(Counter.AUDITS_STARTED),
    audit.AuditCompleted: _audit_completed,
    prompt.VersionPublished: lambda _: _one(Counter.VERSIONS_PUBLISHED),
    prompt.LabelMoved: lambda _: _one(Counter.LABELS_MOVED),
}


def counters_message(counts: Counts) -> analytics_pb2.Counters:
    """Counts as the contract's message."""
    message = analytics_pb2.Counters()
    for counter, value in counts.items():
        is_money = counter is Counter.COST_USD
        setattr(message, counter.value, float(value) if is_money else int(value))
    return message


def bucket_message(bucket: Bucket) -> analytics_pb2.UsageBucket:
    """A bucket as the contract's message."""
    message = analytics_pb2.UsageBucket(counters=counters_message(bucket.counts))
    message.start.FromDatetime(bucket.start)
    return message


def model_message(usage: ModelUsage) -> analytics_pb2.ModelUsage:
    """A model's usage as the contract's message."""
    return analytics_pb2.ModelUsage(
        model=usage.model,
        items=usage.items,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=float(usage.cost_usd),
        latency_ms_mean=float(usage.latency_ms_sum) / usage.items if usage.items else None,
    )
