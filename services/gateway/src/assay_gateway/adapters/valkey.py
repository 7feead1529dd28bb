"""Token buckets in Valkey: one hash a bucket; all buckets of a request are changed by one script, which is atomic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError

from assay_common.certificates import distrust
from assay_gateway.adapters.encrypted import share_context
from assay_gateway.application.ports import BucketsAway, Lease
from assay_gateway.domain.rate import Claims

AWAY: Final = (RedisError, OSError, TimeoutError)
"""What a client raises when the server cannot be reached or does not answer."""

KEY: Final = "{assay:gateway:rate}:%s"
"""The braces keep all buckets on one node of a cluster: a script may touch no more than one."""

# The clock is Valkey's own, so that replicas whose clocks differ agree. What is not granted changes nothing: the
# tokens of a bucket follow from what was left and from the time that passed.
_TAKE: Final = """
local wanted, needed = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local tokens, available = {}, wanted
for i, key in ipairs(KEYS) do
  local rate, burst = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local left, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
  tokens[i] = math.min(burst, left + math.max(0, now - at) * rate)
  available = math.min(available, math.floor(tokens[i]))
end
local granted = 0
if available >= needed then granted = available end
local answer = {granted}
for i, key in ipairs(KEYS) do
  tokens[i] = tokens[i] - granted
  if granted > 0 then
    local rate, burst = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
    redis.call('HSET', key, 'tokens', string.format('%.6f', tokens[i]), 'at', string.format('%.6f', now))
    redis.call('PEXPIRE', key, math.ceil((burst - tokens[i]) / rate * 1000) + 1000)
  end
  answer[i + 1] = string.format('%.6f', tokens[i])
end
return answer
"""


class ValkeyBuckets:
    """`SharedBuckets` on a Valkey server."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._take: Any = client.register_script(_TAKE)

    async def lease(self, claims: Claims, wanted: int, needed: int) -> Lease:
        """Raises BucketsAway."""
        rates = [number for claim in claims.buckets for number in (claim.rate.per_second, claim.rate.burst)]
        keys = [KEY % claim.subject for claim in claims.buckets]
        try:
            granted, *remaining = await self._take(keys=keys, args=[wanted, needed, *rates])
        except AWAY as error:
            raise BucketsAway(_reason(error)) from error
        return Lease(granted=int(granted), remaining=tuple(map(float, remaining)))

    async def ping(self) -> None:
        """Raises BucketsAway."""
        try:
            await self._client.ping()
        except AWAY as error:
            raise BucketsAway(_reason(error)) from error


@asynccontextmanager
async def valkey(url: str, timeout_seconds: float) -> AsyncIterator[Redis]:
    """A client of the server at `url` (redis:// or rediss://) for the length of the block.

    Connects when first used. A call that takes longer than `timeout_seconds` counts as a server that is away.
    """
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        client_name="assay-gateway",
    )
    share_context(client)
    # The caller decides what a failure means; a retry here would only make requests wait.
    client.set_retry(Retry(NoBackoff(), 0))
    try:
        yield client
    finally:
        await client.aclose()


def _reason(error: Exception) -> str:
    """Why there is no answer, in words that say what to set where it does not let us in."""
    remedy = distrust(error, host="valkey.host", authority="ssl_ca_certs in ASSAY_VALKEY__URL (valkey.caSecret)")
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, AuthenticationError):
        remedy = "it wants another password: that in ASSAY_VALKEY__URL (valkey.existingSecret) is wrong or missing"
    elif "closed by server" in said:
        remedy = (
            "it hung up without an answer, as it does when it is stopped or expects TLS: then begin ASSAY_VALKEY__URL"
            " with rediss:// (valkey.tls)"
        )
    return said if remedy is None else f"Valkey does not let us in: {remedy}. It says: {said}"
