"""AnalyticsService: translate in, call one use case, translate out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext

from assay.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from assay_analytics.application.read_usage import GetSummary, ListEventCounts, ListUsage
from assay_analytics.domain.span import Granularity, MalformedSpan, Span
from assay_analytics.messages import bucket_message, counters_message, model_message
from assay_common.clock import Clock
from assay_common.errors import Violation
from assay_common.identity import tenant

Context = ServicerContext[Any, Any]
SpanRequest = analytics_pb2.GetSummaryRequest | analytics_pb2.ListUsageRequest | analytics_pb2.ListEventCountsRequest

_GRANULARITY = {
    analytics_pb2.GRANULARITY_UNSPECIFIED: Granularity.HOUR,
    analytics_pb2.GRANULARITY_HOUR: Granularity.HOUR,
    analytics_pb2.GRANULARITY_DAY: Granularity.DAY,
}


@dataclass(frozen=True, slots=True)
class AnalyticsServicer(analytics_pb2_grpc.AnalyticsServiceServicer):
    """The RPCs of assay.analytics.v1.AnalyticsService; the proto says what each is for."""

    get_summary: GetSummary
    list_usage: ListUsage
    list_event_counts: ListEventCounts
    clock: Clock

    async def GetSummary(self, request: analytics_pb2.GetSummaryRequest, context: Context) -> analytics_pb2.Summary:
        """Totals over a span."""
        summary = await self.get_summary(tenant(), self._span(request))
        message = analytics_pb2.Summary(
            counters=counters_message(summary.counts), models=map(model_message, summary.models)
        )
        getattr(message, "from").FromDatetime(summary.span.start)
        message.to.FromDatetime(summary.span.end)
        return message

    async def ListUsage(
        self, request: analytics_pb2.ListUsageRequest, context: Context
    ) -> analytics_pb2.ListUsageResponse:
        """Usage per hour or day."""
        granularity = _GRANULARITY[request.granularity]
        buckets = await self.list_usage(tenant(), self._span(request, granularity), granularity)
        return analytics_pb2.ListUsageResponse(buckets=map(bucket_message, buckets))

    async def ListEventCounts(
        self, request: analytics_pb2.ListEventCountsRequest, context: Context
    ) -> analytics_pb2.ListEventCountsResponse:
        """How many events of each type were counted."""
        counts = await self.list_event_counts(tenant(), self._span(request))
        return analytics_pb2.ListEventCountsResponse(
            counts=[analytics_pb2.EventCount(type=name, count=count) for name, count in counts.items()]
        )

    def _span(self, request: SpanRequest, granularity: Granularity = Granularity.DAY) -> Span:
        return Span.asked(_time(request, "from"), _time(request, "to"), now=self.clock(), granularity=granularity)


def _time(request: SpanRequest, field: str) -> datetime | None:
    if not request.HasField(field):  # type: ignore[arg-type]
        return None
    moment: Timestamp = getattr(request, field)
    try:
        return moment.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedSpan("the span cannot be read", Violation(field, "is not a time")) from error
