"""Token buckets: how many requests a caller may make, and what they are told about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


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
class Claim:
    """One bucket that a request takes from."""

    subject: str
    """Whose bucket: what it limits and an id, such as `organisation:<hex>`."""
    rate: Rate

    @property
    def scope(self) -> str:
        """What it limits: the word before the colon."""
        return self.subject.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Claims:
    """All buckets that a request takes from: it passes when each of them has enough."""

    buckets: tuple[Claim, ...]
    name: str = field(init=False)
    """Names the combination."""
    lease: int = field(init=False)
    """The smallest of their leases."""
    most: int = field(init=False)
    """The smallest of their bursts: what costs more passes when they are full."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", " ".join(claim.subject for claim in self.buckets))
        object.__setattr__(self, "lease", min(claim.rate.lease for claim in self.buckets))
        object.__setattr__(self, "most", min(claim.rate.burst for claim in self.buckets))

    def tightest(self, tokens: Sequence[float]) -> int:
        """Which bucket a caller is told of, by what is left in each: the one with the least."""
        return min(range(len(self.buckets)), key=tokens.__getitem__)

    def slowest(self, tokens: Sequence[float], needed: int) -> int:
        """Which bucket is the last to have `needed` tokens."""
        return max(
            range(len(self.buckets)), key=lambda place: self.buckets[place].rate.seconds_until(needed - tokens[place])
        )


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
    scope: str
    """Which limit this is about: the tightest of those that were asked."""


def decide(claim: Claim, *, allowed: bool, tokens: float, needed: int = 1) -> Decision:
    """What a caller is told when `tokens` are left after a request that needed `needed`."""
    left = max(0.0, tokens)
    rate = claim.rate
    return Decision(
        allowed=allowed,
        limit=rate.burst,
        remaining=int(left),
        reset_after=math.ceil(rate.seconds_until(rate.burst - left)),
        retry_after=0 if allowed else max(1, math.ceil(rate.seconds_until(needed - left))),
        scope=claim.scope,
    )


class Bucket:
    """A token bucket of this process alone; times are seconds of any steady clock."""

    __slots__ = ("_rate", "_tokens", "_updated_at")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._updated_at = now

    def tokens(self, now: float) -> float:
        """What it holds."""
        elapsed = max(0.0, now - self._updated_at)
        self._tokens = min(float(self._rate.burst), self._tokens + elapsed * self._rate.per_second)
        self._updated_at = now
        return self._tokens

    def take(self, cost: int) -> None:
        """Take what `tokens` has shown to be there; a negative cost gives back."""
        self._tokens = min(float(self._rate.burst), self._tokens - cost)
