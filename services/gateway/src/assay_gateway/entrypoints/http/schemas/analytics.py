"""Usage and cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from assay_gateway.entrypoints.http.schemas.base import Shown

Granularity = Literal["hour", "day"]


class Counters(Shown):
    """What is counted."""

    runs_created: int
    runs_completed: int
    runs_cancelled: int
    items_measured: int
    items_unmeasured: int
    input_tokens: int
    output_tokens: int
    cost_usd: Annotated[
        float | None, Field(description="US dollars, of the items whose model has a price.", examples=[0.0012])
    ]
    items_unpriced: int
    audits_started: int
    audits_completed: int
    audits_failed: int
    findings: int
    versions_published: int
    labels_moved: int
    gates_allowed: int
    gates_refused: int


class ModelUsage(Shown):
    """What one model was used for."""

    model: Annotated[str, Field(examples=["local/smollm2"])]
    items: int
    input_tokens: int
    output_tokens: int
    cost_usd: Annotated[float | None, Field(examples=[0.0012])]
    latency_ms_mean: Annotated[
        float | None, Field(description="Over the measured items; null when there is none.", examples=[412.5])
    ]


# `from` cannot be the name of a field in Python.
class Summary(Shown):
    """Totals of a span of time."""

    from_: Annotated[datetime | None, Field(alias="from")]
    to: datetime | None
    counters: Counters | None
    models: list[ModelUsage]


class UsageBucket(Shown):
    """One bucket of time."""

    start: datetime | None
    counters: Counters | None


class UsageList(Shown):
    """The buckets in which something happened, oldest first."""

    items: list[UsageBucket]


class EventCount(Shown):
    """How often a type of event was counted."""

    type: Annotated[str, Field(examples=["assay.prompt.v1.VersionPublished"])]
    count: int


class EventCountList(Shown):
    """One count per type of event."""

    items: list[EventCount]
