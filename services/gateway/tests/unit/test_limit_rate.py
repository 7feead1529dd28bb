import asyncio

import pytest
from prometheus_client import REGISTRY

from assay_gateway.application.limit_rate import LEASE_SECONDS, LimitRate
from assay_gateway.application.ports import BucketsAway, Lease
from assay_gateway.domain.rate import Bucket, Rate

RATE = Rate(per_second=100, burst=400)


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

    async def lease(self, subject, rate, wanted):
        await asyncio.sleep(0)
        await self.ping()
        self.asked.append(wanted)
        bucket = self.buckets.setdefault(subject, Bucket(rate, self.clock()))
        granted = 0
        while granted < wanted and bucket.take(self.clock()).allowed:
            granted += 1
        return Lease(granted, bucket._tokens)

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
        assert (await limit("a", RATE)).allowed
    assert buckets.asked == [1, 2, 4, 8, 16, 20, 20, 20, 20]


async def test_a_quiet_caller_leases_what_it_spends(limit, buckets, clock):
    for _ in range(5):
        assert (await limit("a", RATE)).allowed
        clock.now += LEASE_SECONDS
    assert buckets.asked == [1, 1, 1, 1, 1]


async def test_a_lease_is_lost_when_it_is_not_spent_in_time(limit, buckets, clock):
    for _ in range(8):
        await limit("a", RATE)
    clock.now += LEASE_SECONDS
    assert limit.at_once("a", RATE) is None


async def test_the_burst_is_all_there_is(limit):
    allowed = [(await limit("a", RATE)).allowed for _ in range(500)]
    assert allowed == [True] * 400 + [False] * 100


async def test_a_refusal_is_remembered_until_a_token_is_due(limit, buckets, clock):
    rate = Rate(per_second=1, burst=1)
    assert (await limit("a", rate)).allowed
    refused = await limit("a", rate)
    assert (refused.allowed, refused.retry_after, refused.remaining) == (False, 1, 0)
    asked = len(buckets.asked)
    clock.now += 0.9
    assert not limit.at_once("a", rate).allowed
    assert len(buckets.asked) == asked
    clock.now += 0.2
    assert (await limit("a", rate)).allowed


async def test_callers_have_buckets_of_their_own(limit):
    rate = Rate(per_second=1, burst=1)
    assert (await limit("a", rate)).allowed
    assert (await limit("b", rate)).allowed


async def test_many_requests_at_once_share_a_question(limit, buckets):
    decisions = await asyncio.gather(*(limit("a", RATE) for _ in range(100)))
    assert all(decision.allowed for decision in decisions)
    assert buckets.asked == [1, 2, 4, 8, 16, 20, 20, 20, 20]


async def test_without_valkey_each_replica_keeps_its_own_buckets(limit, buckets):
    rate = Rate(per_second=1, burst=3)
    buckets.away = True
    assert [(await limit("a", rate)).allowed for _ in range(5)] == [True, True, True, False, False]
    assert limit.is_local
    assert REGISTRY.get_sample_value("gateway_rate_limit_local") == 1


async def test_no_request_asks_valkey_while_it_is_away(limit, buckets):
    buckets.away = True
    await limit("a", RATE)
    buckets.away = False
    await limit("a", RATE)
    await limit("b", RATE)
    assert buckets.asked == []


async def test_the_watch_finds_valkey_back(limit, buckets):
    buckets.away = True
    buckets.found.clear()
    watch = asyncio.create_task(limit.watch(probe_seconds=0.001))
    await limit("a", RATE)
    buckets.away = False
    await asyncio.wait_for(buckets.found.wait(), 5)
    watch.cancel()
    await limit("a", RATE)
    assert buckets.asked == [1]
    assert REGISTRY.get_sample_value("gateway_rate_limit_local") == 0


async def test_a_caller_who_goes_away_spoils_nothing_for_the_others(limit):
    first = asyncio.create_task(limit("a", RATE))
    second = asyncio.create_task(limit("a", RATE))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).allowed
