import asyncio

import pytest
from prometheus_client import REGISTRY

from assay_gateway.application.limit_rate import LEASE_SECONDS, LimitRate
from assay_gateway.application.ports import BucketsAway, Lease
from assay_gateway.domain.rate import Bucket, Claim, Claims, Rate

RATE = Rate(per_second=100, burst=400)


def claims(*rates, of="a"):
    """Buckets of one caller: `scope0:a`, `scope1:a`, …"""
    return Claims(tuple(Claim(f"scope{number}:{of}", rate) for number, rate in enumerate(rates)))


A = claims(RATE)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Buckets:
    """Shared buckets in memory."""

    def __init__(self, clock):
        self.clock = clock
        self.away = False
        self.found = asyncio.Event()
        self.buckets = {}
        self.asked = []

    async def lease(self, claims, wanted, needed):
        await asyncio.sleep(0)
        await self.ping()
        self.asked.append(wanted)
        now = self.clock()
        buckets = [self.buckets.setdefault(each.subject, Bucket(each.rate, now)) for each in claims.buckets]
        available = min(wanted, *(int(bucket.tokens(now)) for bucket in buckets))
        granted = available if available >= needed else 0
        for bucket in buckets:
            bucket.take(granted)
        return Lease(granted, tuple(bucket.tokens(now) for bucket in buckets))

    async def ping(self):
        if self.away:
            raise BucketsAway("gone")
        self.found.set()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def buckets(clock):
    return Buckets(clock)


@pytest.fixture
def limit(buckets, clock):
    return LimitRate(buckets, clock)


async def test_a_busy_caller_leases_ever_more_at_once(limit, buckets):
    for _ in range(100):
        assert (await limit(A)).allowed
    assert buckets.asked == [1, 2, 4, 8, 16, 20, 20, 20, 20]


async def test_a_quiet_caller_leases_what_it_spends(limit, buckets, clock):
    for _ in range(5):
        assert (await limit(A)).allowed
        clock.now += LEASE_SECONDS
    assert buckets.asked == [1, 1, 1, 1, 1]


async def test_a_lease_is_lost_when_it_is_not_spent_in_time(limit, buckets, clock):
    for _ in range(8):
        await limit(A)
    clock.now += LEASE_SECONDS
    assert limit.at_once(A) is None


async def test_the_burst_is_all_there_is(limit):
    allowed = [(await limit(A)).allowed for _ in range(500)]
    assert allowed == [True] * 400 + [False] * 100


async def test_a_refusal_is_remembered_until_a_token_is_due(limit, buckets, clock):
    rate = Rate(per_second=1, burst=1)
    assert (await limit(claims(rate))).allowed
    refused = await limit(claims(rate))
    assert (refused.allowed, refused.retry_after, refused.remaining) == (False, 1, 0)
    asked = len(buckets.asked)
    clock.now += 0.9
    assert not limit.at_once(claims(rate)).allowed
    assert len(buckets.asked) == asked
    clock.now += 0.2
    assert (await limit(claims(rate))).allowed


async def test_callers_have_buckets_of_their_own(limit):
    rate = Rate(per_second=1, burst=1)
    assert (await limit(claims(rate))).allowed
    assert (await limit(claims(rate, of="b"))).allowed


async def test_many_requests_at_once_share_a_question(limit, buckets):
    decisions = await asyncio.gather(*(limit(A) for _ in range(100)))
    assert all(decision.allowed for decision in decisions)
    assert buckets.asked == [1, 2, 4, 8, 16, 20, 20, 20, 20]


async def test_without_valkey_each_replica_keeps_its_own_buckets(limit, buckets):
    rate = Rate(per_second=1, burst=3)
    buckets.away = True
    assert [(await limit(claims(rate))).allowed for _ in range(5)] == [True, True, True, False, False]
    assert limit.is_local
    assert REGISTRY.get_sample_value("gateway_rate_limit_local") == 1


async def test_no_request_asks_valkey_while_it_is_away(limit, buckets):
    buckets.away = True
    await limit(A)
    buckets.away = False
    await limit(A)
    await limit(claims(RATE, of="b"))
    assert buckets.asked == []


async def test_the_watch_finds_valkey_back(limit, buckets):
    buckets.away = True
    buckets.found.clear()
    watch = asyncio.create_task(limit.watch(probe_seconds=0.001))
    await limit(A)
    buckets.away = False
    await asyncio.wait_for(buckets.found.wait(), 30)
    watch.cancel()
    await limit(A)
    assert buckets.asked == [1]
    assert REGISTRY.get_sample_value("gateway_rate_limit_local") == 0


async def test_a_caller_who_goes_away_spoils_nothing_for_the_others(limit):
    first = asyncio.create_task(limit(A))
    second = asyncio.create_task(limit(A))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).allowed


async def test_a_request_passes_when_all_its_buckets_have_enough(limit, buckets):
    small, large = Rate(1, 3), Rate(1, 100)
    both = claims(large, small)
    decisions = [await limit(both) for _ in range(5)]
    assert [decision.allowed for decision in decisions] == [True] * 3 + [False] * 2
    assert {(decision.scope, decision.limit) for decision in decisions} == {("scope1", 3)}
    # What was refused has cost nothing in the bucket that had enough.
    assert buckets.buckets["scope0:a"].tokens(buckets.clock()) == 97


async def test_the_bucket_that_has_the_least_is_told_of(limit):
    decision = await limit(claims(Rate(1, 50), Rate(1, 20), Rate(1, 30)))
    assert (decision.scope, decision.limit, decision.remaining) == ("scope1", 20, 19)


async def test_callers_who_share_a_bucket_share_it(limit):
    shared = Claim("organisation:x", Rate(1, 4))
    callers = [Claims((Claim(f"user:{name}", RATE), shared)) for name in "ab"]
    allowed = [(await limit(callers[turn % 2])).allowed for turn in range(6)]
    assert allowed == [True] * 4 + [False] * 2


async def test_an_expensive_request_takes_more(limit):
    rate = claims(Rate(1, 100))
    decisions = [await limit(rate, 30) for _ in range(4)]
    assert [decision.allowed for decision in decisions] == [True] * 3 + [False]
    assert decisions[2].remaining == 10
    assert decisions[3].retry_after == 20
    assert (await limit(rate)).allowed  # A cheap one still passes.


async def test_what_costs_more_than_the_burst_passes_when_the_bucket_is_full(limit, clock):
    rate = claims(Rate(1, 5))
    assert (await limit(rate, 10)).allowed
    assert not (await limit(rate, 10)).allowed
    clock.now += 6
    assert (await limit(rate, 10)).allowed


async def test_a_refusal_of_something_expensive_is_remembered_for_the_like_only(limit, buckets):
    rate = claims(Rate(0.1, 20))
    await limit(rate, 15)
    assert not (await limit(rate, 15)).allowed
    asked = len(buckets.asked)
    assert not (await limit(rate, 16)).allowed
    assert len(buckets.asked) == asked
    assert (await limit(rate, 5)).allowed


@pytest.mark.parametrize("away", [False, True])
async def test_what_does_not_count_is_given_back(limit, buckets, away):
    buckets.away = away
    rate = claims(Rate(0.001, 2))
    for _ in range(10):
        assert (await limit(rate)).allowed
        limit.give_back(rate)
    assert (await limit(rate)).allowed


async def test_without_valkey_too_all_buckets_must_have_enough(limit, buckets):
    buckets.away = True
    both = claims(Rate(1, 100), Rate(1, 3))
    decisions = [await limit(both, cost) for cost in (2, 2, 1, 1)]
    assert [decision.allowed for decision in decisions] == [True, False, True, False]
    assert decisions[1].retry_after == 1
    other = await limit(claims(Rate(1, 100)))
    assert other.remaining == 96  # 2, 1, and this one
