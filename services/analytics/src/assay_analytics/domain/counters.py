"""What is counted: increments come from events, totals are their sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Counter(StrEnum):
    """A number that only grows; the names are those of the contract's `Counters`."""

    RUNS_CREATED = "runs_created"
    RUNS_COMPLETED = "runs_completed"
    RUNS_CANCELLED = "runs_cancelled"
    ITEMS_MEASURED = "items_measured"
    ITEMS_UNMEASURED = "items_unmeasured"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    COST_USD = "cost_usd"
    ITEMS_UNPRICED = "items_unpriced"
    AUDITS_STARTED = "audits_started"
    AUDITS_COMPLETED = "audits_completed"
    AUDITS_FAILED = "audits_failed"
    FINDINGS = "findings"
    VERSIONS_PUBLISHED = "versions_published"
    LABELS_MOVED = "labels_moved"
    GATES_ALLOWED = "gates_allowed"
    GATES_REFUSED = "gates_refused"


Counts = Mapping[Counter, Decimal]
"""Values by counter; a counter that is absent is 0."""


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model was used for."""

    model: str
    items: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    latency_ms_sum: Decimal


@dataclass(frozen=True, slots=True)
class Increments:
    """What one event adds."""

    counts: Counts = field(default_factory=dict)
    model: ModelUsage | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The counts of one hour or one day, by its start in UTC."""

    start: datetime
    counts: Counts
