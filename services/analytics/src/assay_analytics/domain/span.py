"""Spans of time: whole hours in UTC, from included, to excluded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from assay_common.errors import InvalidArgument, Violation

HOUR = timedelta(hours=1)
DEFAULT_LENGTH = timedelta(hours=24)


class Granularity(StrEnum):
    """Width of a bucket; the values are PostgreSQL's words for it."""

    HOUR = "hour"
    DAY = "day"


LONGEST = {Granularity.HOUR: timedelta(days=31), Granularity.DAY: timedelta(days=400)}
"""The longest span for each width, so that an answer stays small."""


class MalformedSpan(InvalidArgument):
    """The span is empty, reversed or too long."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of whole hours."""

    start: datetime
    end: datetime

    @classmethod
    def asked(
        cls,
        start: datetime | None,
        end: datetime | None,
        *,
        now: datetime,
        granularity: Granularity = Granularity.DAY,
    ) -> Span:
        """The whole hours that the asked span touches; without an end until now, without a start 24 hours long.

        Raises:
            MalformedSpan: `start` is not before `end`, or the span is longer than LONGEST for the width.
        """
        end = end or now
        start = start or end - DEFAULT_LENGTH
        if start >= end:
            raise MalformedSpan("the span is empty", Violation("from", "is not before `to`"))
        if end - start > LONGEST[granularity]:
            longest = f"at most {LONGEST[granularity].days} days of {granularity.value}s"
            raise MalformedSpan("the span is too long", Violation("from", longest))
        last = hour_of(end)
        return cls(hour_of(start), last if last == end else last + HOUR)


def hour_of(moment: datetime) -> datetime:
    """The start of the hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
