"""How many requests a caller may make: shared over all replicas while Valkey answers, kept locally otherwise."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from assay_gateway.application.metrics import RATE_LIMIT_DECISIONS, RATE_LIMIT_LOCAL
from assay_gateway.application.ports import BucketsAway, SharedBuckets
from assay_gateway.domain.rate import Bucket, Decision, Rate, decide

log = structlog.get_logger()

LEASE_SECONDS: Final = 1.0
"""How long leased tokens may be spent; what is left then is lost to the caller."""
MAX_SUBJECTS: Final = 100_000
"""Callers remembered at once; the longest unused is forgotten first."""

_ALLOWED: Final = {by: RATE_LIMIT_DECISIONS.labels(by, "allowed") for by in ("shared", "local")}
_REFUSED: Final = {by: RATE_LIMIT_DECISIONS.labels(by, "refused") for by in ("shared", "local")}


class _Budget:
    """What this replica may still grant to one caller without asking."""

    __slots__ = ("expires_at", "leased", "local", "refilling", "refused_until", "shared", "tokens")

    def __init__(self) -> None:
        self.tokens = 0
        self.leased = 0
        self.shared = 0.0
        self.expires_at = 0.0
        self.refused_until = 0.0
        self.local: Bucket | None = None
        self.refilling: asyncio.Task[None] | None = None

    def wanted(self, rate: Rate, now: float) -> int:
        """How many tokens to lease next: twice the last lease when that was spent in time, else what was spent of it.

        A caller who comes once a second takes one token a second, not one lease a second.
        """
        spent = self.leased - self.tokens
        return min(rate.lease, max(1, spent * 2 if now < self.expires_at else spent))


class LimitRate:
    """Takes one token per request from the caller's bucket.

    The buckets live in Valkey. Each replica leases a few tokens at a time and spends them without asking, so that a
    busy caller costs one round trip per lease, not per request. A refusal is remembered until a token is due, so that
    a caller who ignores it costs nothing.

    When Valkey does not answer, every replica keeps its own buckets (a caller then gets the whole rate at each), and
    no request waits for Valkey again until `watch` has found it back.
    """

    def __init__(self, shared: SharedBuckets, steady: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._steady = steady
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._local = asyncio.Event()
        RATE_LIMIT_LOCAL.set(0)

    @property
    def is_local(self) -> bool:
        """Whether limits are kept by this replica alone."""
        return self._local.is_set()

    def at_once(self, subject: str, rate: Rate) -> Decision | None:
        """Decide without waiting; None when Valkey has to be asked."""
        budget = self._budgets.get(subject)
        if budget is None:
            return None
        now = self._steady()
        if self._local.is_set():
            return self._decide_locally(budget, rate, now)
        if budget.tokens > 0 and now < budget.expires_at:
            budget.tokens -= 1
            _ALLOWED["shared"].inc()
            return decide(rate, allowed=True, tokens=budget.shared + budget.tokens)
        if now < budget.refused_until:
            _REFUSED["shared"].inc()
            return decide(rate, allowed=False, tokens=1 - (budget.refused_until - now) * rate.per_second)
        return None

    async def __call__(self, subject: str, rate: Rate) -> Decision:
        """Decide, asking Valkey if need be."""
        budget = self._budget(subject)
        while True:
            decision = self.at_once(subject, rate)
            if decision is not None:
                return decision
            if budget.refilling is None:
                budget.refilling = asyncio.create_task(self._refill(subject, budget, rate))
            await asyncio.shield(budget.refilling)

    async def watch(self, probe_seconds: float) -> None:
        """Look for Valkey now, and every `probe_seconds` while it is away; runs for ever."""
        await self._probe()
        while True:
            await self._local.wait()
            await asyncio.sleep(probe_seconds)
            await self._probe()

    def _budget(self, subject: str) -> _Budget:
        budget = self._budgets.get(subject)
        if budget is None:
            budget = self._budgets[subject] = _Budget()
            if len(self._budgets) > MAX_SUBJECTS:
                self._budgets.popitem(last=False)
        else:
            self._budgets.move_to_end(subject)
        return budget

    async def _refill(self, subject: str, budget: _Budget, rate: Rate) -> None:
        try:
            wanted = budget.wanted(rate, self._steady())
            lease = await self._shared.lease(subject, rate, wanted)
            now = self._steady()
            budget.leased = budget.tokens = lease.granted
            budget.shared = lease.remaining
            budget.expires_at = now + LEASE_SECONDS
            if lease.granted == 0:
                budget.refused_until = now + rate.seconds_until(1 - lease.remaining)
        except BucketsAway as error:
            self._go_local(error)
        finally:
            budget.refilling = None
            self._budgets.setdefault(subject, budget)

    def _decide_locally(self, budget: _Budget, rate: Rate, now: float) -> Decision:
        if budget.local is None:
            budget.local = Bucket(rate, now)
        decision = budget.local.take(now)
        (_ALLOWED if decision.allowed else _REFUSED)["local"].inc()
        return decision

    async def _probe(self) -> None:
        try:
            await self._shared.ping()
        except BucketsAway as error:
            self._go_local(error)
            return
        if self._local.is_set():
            log.info("valkey is back, rate limits are shared again")
            self._local.clear()
            RATE_LIMIT_LOCAL.set(0)
            for budget in self._budgets.values():
                budget.local = None

    def _go_local(self, error: BucketsAway) -> None:
        if not self._local.is_set():
            log.warning("valkey is away, rate limits are kept by this replica alone", error=str(error))
            self._local.set()
            RATE_LIMIT_LOCAL.set(1)
