"""Token buckets: how many requests a caller may make, and what they are told about it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: it holds `burst` requests at most and regains `per_second` of them a second."""

    per_second: float
    burst: int

    @property
    def lease(self) -> int:
        """How many tokens a replica takes from the shared bucket at once.

        A twentieth of the burst: N replicas misjudge a caller by at most N twentieths, and the shared bucket is asked
        once per that many requests instead of for each.
        """
        return max(1, self.burst // 20)

    def seconds_until(self, tokens: float) -> float:
        """How long `tokens` take to come back."""
        return max(0.0, tokens) / self.per_second


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether one request may pass, and the caller's budget after it."""

    allowed: bool
    limit: int
    """Size of the bucket."""
    remaining: int
    """Requests that could follow at once."""
    reset_after: int
    """Whole seconds until the bucket is full again."""
    retry_after: int
    """Whole seconds to wait when refused; 0 when allowed."""


def decide(rate: Rate, *, allowed: bool, tokens: float) -> Decision:
    """What a caller is told when `tokens` are left after this request."""
    left = max(0.0, tokens)
    return Decision(
        allowed=allowed,
        limit=rate.burst,
        remaining=int(left),
        reset_after=math.ceil(rate.seconds_until(rate.burst - left)),
        retry_after=0 if allowed else max(1, math.ceil(rate.seconds_until(1 - left))),
    )


class Bucket:
    """A token bucket of this process alone; times are seconds of any steady clock."""

    __slots__ = ("_rate", "_tokens", "_updated_at")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._updated_at = now

    def take(self, now: float) -> Decision:
        """Take one token if there is one."""
        self._refill(now)
        allowed = self._tokens >= 1
        if allowed:
            self._tokens -= 1
        return decide(self._rate, allowed=allowed, tokens=self._tokens)

    def is_full(self, now: float) -> bool:
        """Whether it holds no memory of its caller any more, so that it can be forgotten."""
        self._refill(now)
        return self._tokens >= self._rate.burst

    def _refill(self, now: float) -> None:
        elapsed = max(0.0, now - self._updated_at)
        self._tokens = min(float(self._rate.burst), self._tokens + elapsed * self._rate.per_second)
        self._updated_at = now
