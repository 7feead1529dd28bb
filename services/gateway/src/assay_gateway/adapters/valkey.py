"""Token buckets in Valkey: one hash a caller, changed by one script, which Valkey runs atomically."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from assay_gateway.application.ports import BucketsAway, Lease
from assay_gateway.domain.rate import Rate

KEY: Final = "assay:gateway:rate:{%s}"
"""The braces keep a caller's key on one node of a cluster."""

# The clock is Valkey's own, so that replicas whose clocks differ agree.
_TAKE: Final = """
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(bucket[1]) or burst
local at = tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
return {granted, string.format('%.6f', tokens)}
"""


class ValkeyBuckets:
    """`SharedBuckets` on a Valkey server."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._take: Any = client.register_script(_TAKE)

    async def lease(self, subject: str, rate: Rate, wanted: int) -> Lease:
        """Raises BucketsAway."""
        try:
            granted, remaining = await self._take(keys=[KEY % subject], args=[rate.per_second, rate.burst, wanted])
        except (RedisError, OSError, TimeoutError) as error:
            raise BucketsAway(str(error)) from error
        return Lease(granted=int(granted), remaining=float(remaining))

    async def ping(self) -> None:
        """Raises BucketsAway."""
        try:
            await self._client.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise BucketsAway(str(error)) from error


@asynccontextmanager
async def valkey_buckets(url: str, timeout_seconds: float) -> AsyncIterator[ValkeyBuckets]:
    """Buckets on the server at `url` (redis:// or rediss://) for the length of the block.

    Connects when first used. A call that takes longer than `timeout_seconds` counts as a server that is away.
    """
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        client_name="assay-gateway",
    )
    # The caller decides what a failure means; a retry here would only make requests wait.
    client.set_retry(Retry(NoBackoff(), 0))
    try:
        yield ValkeyBuckets(client)
    finally:
        await client.aclose()
