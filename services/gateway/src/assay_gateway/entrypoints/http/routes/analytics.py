"""What was used, and what it cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from google.protobuf.message import Message
from pydantic import AwareDatetime

from assay.analytics.v1 import analytics_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.routing import api_router
from assay_gateway.entrypoints.http.schemas.analytics import EventCountList, Granularity, Summary, UsageList
from assay_gateway.messages import Json, numbers_of, timestamp, to_json

router = api_router("/v1/analytics", "analytics")

From = Annotated[AwareDatetime | None, Query(alias="from", description="Included; absent = 24 hours before `to`.")]
To = Annotated[AwareDatetime | None, Query(description="Excluded; absent = now.")]


_GRANULARITIES = numbers_of(pb.Granularity)


@router.get("/summary", response_model=Summary)
async def get_summary(services: TheServices, from_: From = None, to: To = None) -> Json:
    """The organisation's totals in a span of time."""
    request = pb.GetSummaryRequest(to=timestamp(to))
    _begin_at(request, from_)
    return to_json(await services.analytics.GetSummary(request))


@router.get("/usage", response_model=UsageList)
async def list_usage(
    services: TheServices, from_: From = None, to: To = None, granularity: Granularity = "hour"
) -> Json:
    """The organisation's usage per hour or day, oldest first."""
    request = pb.ListUsageRequest(to=timestamp(to), granularity=_GRANULARITIES[granularity])
    _begin_at(request, from_)
    found = await services.analytics.ListUsage(request)
    return {"items": [to_json(bucket) for bucket in found.buckets]}


@router.get("/events", response_model=EventCountList)
async def list_event_counts(services: TheServices, from_: From = None, to: To = None) -> Json:
    """How many events of each type were counted."""
    request = pb.ListEventCountsRequest(to=timestamp(to))
    _begin_at(request, from_)
    found = await services.analytics.ListEventCounts(request)
    return {"items": [to_json(count) for count in found.counts]}


def _begin_at(request: Message, moment: datetime | None) -> None:
    """Set the field `from`, whose name is a keyword in Python."""
    if moment is not None:
        getattr(request, "from").CopyFrom(timestamp(moment))
