from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from assay.analytics.v1 import analytics_pb2
from assay.audit.v1 import audits_pb2
from assay.audit.v1.events_pb2 import AuditCompleted
from assay.evaluation.v1.events_pb2 import GateDecided, ItemsMeasured
from assay_analytics.domain.counters import Counter
from assay_analytics.domain.span import Granularity, MalformedSpan, Span, hour_of
from assay_analytics.messages import counters_message, increments_of
from assay_protos import events, topics

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[4] / "protos/examples"
ADDS = {
    "assay.prompt.v1.VersionPublished": {"versions_published": 1},
    "assay.prompt.v1.LabelMoved": {"labels_moved": 1},
    "assay.evaluation.v1.RunCreated": {"runs_created": 1},
    "assay.evaluation.v1.RunCompleted": {"runs_completed": 1},
    "assay.evaluation.v1.RunCancelled": {"runs_cancelled": 1},
    "assay.evaluation.v1.ItemsMeasured": {
        "items_measured": 7, "items_unmeasured": 1, "input_tokens": 700, "output_tokens": 14
    },
    "assay.evaluation.v1.GateDecided": {"gates_allowed": 1},
    "assay.audit.v1.AuditStarted": {"audits_started": 1},
    "assay.audit.v1.AuditCompleted": {"audits_completed": 1, "findings": 60},
}  # fmt: skip


@pytest.mark.parametrize(
    "name", sorted(name for topic in topics.ALL if topic.is_event_stream for name in topic.messages)
)
def test_every_event_adds_what_it_says_and_no_more(name):
    message = events.decode(name, (EXAMPLES / f"{name}.binpb").read_bytes())
    added = {counter.value: int(value) for counter, value in increments_of(message).counts.items()}
    assert added == ADDS.get(name, {})


def test_every_counter_of_the_contract_is_counted_and_the_other_way_round():
    assert {counter.value for counter in Counter} == set(analytics_pb2.Counters.DESCRIPTOR.fields_by_name)


def test_items_without_a_price_cost_nothing_and_are_counted_as_unpriced():
    counts = increments_of(ItemsMeasured(model="m", measured=3)).counts
    assert counts == {Counter.ITEMS_MEASURED: 3, Counter.ITEMS_UNPRICED: 3}


def test_money_is_added_without_rounding():
    tenth = increments_of(ItemsMeasured(model="m", measured=1, cost_usd=0.1)).counts[Counter.COST_USD]
    assert sum([tenth] * 10) == Decimal(1)
    assert counters_message({Counter.COST_USD: tenth * 10}).cost_usd == 1.0


def test_a_failed_audit_and_a_refused_gate_are_told_apart():
    failed = AuditCompleted(audit=audits_pb2.AuditRun(status=audits_pb2.AUDIT_STATUS_FAILED))
    assert increments_of(failed).counts == {Counter.AUDITS_FAILED: 1}
    assert increments_of(GateDecided()).counts == {Counter.GATES_REFUSED: 1}


def test_a_span_is_cut_to_whole_hours_and_ends_now_by_default():
    span = Span.asked(None, None, now=NOW)
    assert (span.start, span.end) == (hour_of(NOW - timedelta(days=1)), datetime(2026, 11, 21, 11, tzinfo=UTC))


def test_a_span_that_ends_on_the_hour_ends_there():
    assert Span.asked(None, hour_of(NOW), now=NOW).end == hour_of(NOW)


@pytest.mark.parametrize(
    ("start", "end", "granularity"),
    [
        (NOW, NOW, Granularity.HOUR),
        (NOW, NOW - timedelta(hours=1), Granularity.HOUR),
        (NOW - timedelta(days=32), NOW, Granularity.HOUR),
        (NOW - timedelta(days=401), NOW, Granularity.DAY),
    ],
    ids=["empty", "reversed", "too many hours", "too many days"],
)
def test_a_span_that_is_empty_or_too_long_is_refused(start, end, granularity):
    with pytest.raises(MalformedSpan):
        Span.asked(start, end, now=NOW, granularity=granularity)
