"""The time as a dependency: whoever needs it takes a `Clock`, and a test hands in its own."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def utc_now() -> datetime:
    """Tell the time as an aware datetime in UTC."""
    return datetime.now(UTC)
