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
from assay_gateway.domain.rate import Bucket, Claim, Claims, Decision, decide

log = structlog.get_logger()

LEASE_SECONDS: Final = 1.0
"""How long leased tokens may be spent; what is left then is lost to the caller."""
MAX_SUBJECTS: Final = 100_000
"""Callers remembered at once; the longest unused is forgotten first."""

_ALLOWED: Final = {by: RATE_LIMIT_DECISIONS.labels(by, "allowed") for by in ("shared", "local")}
_REFUSED: Final = {by: RATE_LIMIT_DECISIONS.labels(by, "refused") for by in ("shared", "local")}


class _Budget:
    """What this replica may still grant to one combination of buckets without asking."""

    __slots__ = ("claim", "expires_at", "leased", "refilling", "refused_cost", "refused_until", "shared", "tokens")

    def __init__(self, claims: Claims) -> None:
        self.tokens = 0
        self.leased = 0
        self.expires_at = 0.0
        self.claim = claims.buckets[0]
        """The bucket that the caller is told of."""
        self.shared = 0.0
        """What is left in that one beside the lease."""
        self.refused_until = 0.0
        self.refused_cost = 0
        self.refilling: asyncio.Task[None] | None = None

    def wanted(self, claims: Claims, now: float) -> int:
        """How many tokens to lease next: twice the last lease when that was spent in time, else what was spent of it.

        A caller who comes once a second takes one token a second, not one lease a second.
        """
        spent = self.leased - self.tokens
        return min(claims.lease, max(1, spent * 2 if now < self.expires_at else spent))


class LimitRate:
    """Takes tokens from all of a request's buckets, or from none of them.

    The buckets live in Valkey and are changed together by one script. Each replica leases a few tokens at a time for a
    combination of buckets and spends them without asking, so that a busy caller costs one round trip per lease, not
    per request. A refusal is remembered until the tokens are due, so that a caller who ignores it costs nothing.

    When Valkey does not answer, every replica keeps its own buckets (a caller then gets the whole rate at each), and
    no request waits for Valkey again until `watch` has found it back.
    """

    def __init__(self, shared: SharedBuckets, steady: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._steady = steady
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._local = asyncio.Event()
        RATE_LIMIT_LOCAL.set(0)

    @property
    def is_local(self) -> bool:
        """Whether limits are kept by this replica alone."""
        return self._local.is_set()

    def at_once(self, claims: Claims, cost: int = 1) -> Decision | None:
        """Decide without waiting; None when Valkey has to be asked. A cost above the smallest burst counts as that."""
        now = self._steady()
        if self._local.is_set():
            return self._decide_locally(claims, min(cost, claims.most), now)
        budget = self._budgets.get(claims.name)
        if budget is None:
            return None
        if cost > 1:
            cost = min(cost, claims.most)
        if budget.tokens >= cost and now < budget.expires_at:
            budget.tokens -= cost
            _ALLOWED["shared"].inc()
            return decide(budget.claim, allowed=True, tokens=budget.shared + budget.tokens)
        if cost >= budget.refused_cost and now < budget.refused_until:
            _REFUSED["shared"].inc()
            tokens = budget.refused_cost - (budget.refused_until - now) * budget.claim.rate.per_second
            return decide(budget.claim, allowed=False, tokens=tokens, needed=cost)
        return None

    async def __call__(self, claims: Claims, cost: int = 1) -> Decision:
        """Decide, asking Valkey if need be."""
        budget = self._budget(claims)
        while True:
            decision = self.at_once(claims, cost)
            if decision is not None:
                return decision
            if budget.refilling is None:
                budget.refilling = asyncio.create_task(self._refill(claims, budget, min(cost, claims.most)))
            await asyncio.shield(budget.refilling)

    def give_back(self, claims: Claims, cost: int = 1) -> None:
        """Undo a decision that allowed something which turned out not to count."""
        if self._local.is_set():
            for claim in claims.buckets:
                self._bucket(claim, self._steady()).take(-cost)
        elif claims.name in self._budgets:
            self._budgets[claims.name].tokens += cost

    async def watch(self, probe_seconds: float) -> None:
        """Look for Valkey now, and every `probe_seconds` while it is away; runs for ever."""
        await self._probe()
        while True:
            await self._local.wait()
            await asyncio.sleep(probe_seconds)
            await self._probe()

    def _budget(self, claims: Claims) -> _Budget:
        budget = self._budgets.get(claims.name)
        if budget is None:
            budget = self._budgets[claims.name] = _Budget(claims)
            if len(self._budgets) > MAX_SUBJECTS:
                self._budgets.popitem(last=False)
        else:
            self._budgets.move_to_end(claims.name)
        return budget

    async def _refill(self, claims: Claims, budget: _Budget, cost: int) -> None:
        try:
            asked_at = self._steady()
            held = budget.tokens if asked_at < budget.expires_at else 0
            needed = cost - held
            lease = await self._shared.lease(claims, max(needed, budget.wanted(claims, asked_at)), needed)
            now = self._steady()
            if lease.granted == 0:
                place = claims.slowest(lease.remaining, needed)
                budget.refused_cost = cost
                budget.refused_until = now + claims.buckets[place].rate.seconds_until(needed - lease.remaining[place])
            else:
                place = claims.tightest(lease.remaining)
                budget.leased = budget.tokens = held + lease.granted
                budget.expires_at = now + LEASE_SECONDS
                budget.refused_until = 0.0
            budget.claim, budget.shared = claims.buckets[place], lease.remaining[place]
        except BucketsAway as error:
            self._go_local(error)
        finally:
            budget.refilling = None
            self._budgets.setdefault(claims.name, budget)

    def _decide_locally(self, claims: Claims, cost: int, now: float) -> Decision:
        buckets = [self._bucket(claim, now) for claim in claims.buckets]
        tokens = [bucket.tokens(now) for bucket in buckets]
        allowed = all(there >= cost for there in tokens)
        (_ALLOWED if allowed else _REFUSED)["local"].inc()
        if not allowed:
            place = claims.slowest(tokens, cost)
            return decide(claims.buckets[place], allowed=False, tokens=tokens[place], needed=cost)
        for bucket in buckets:
            bucket.take(cost)
        place = claims.tightest(tokens)
        return decide(claims.buckets[place], allowed=True, tokens=tokens[place] - cost)

    def _bucket(self, claim: Claim, now: float) -> Bucket:
        bucket = self._buckets.get(claim.subject)
        if bucket is None:
            bucket = self._buckets[claim.subject] = Bucket(claim.rate, now)
            if len(self._buckets) > MAX_SUBJECTS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(claim.subject)
        return bucket

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
            self._buckets.clear()

    def _go_local(self, error: BucketsAway) -> None:
        if not self._local.is_set():
            log.warning("valkey is away, rate limits are kept by this replica alone", error=str(error))
            self._local.set()
            RATE_LIMIT_LOCAL.set(1)
