"""Persisted GraphQL queries in Valkey."""

from __future__ import annotations

from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

KEY: Final = "assay:gateway:graphql:%s"
KEPT_SECONDS: Final = 7 * 24 * 3600
"""How long a query is kept after it was last asked for."""


class ValkeyQueries:
    """Queries by hash; a server that is away knows none, and clients then send the whole query."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def find(self, digest: str) -> str | None:
        """The query, kept anew."""
        try:
            found = await self._client.getex(KEY % digest, ex=KEPT_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("persisted query not looked up", error=str(error))
            return None
        return found.decode() if isinstance(found, bytes) else found

    async def keep(self, digest: str, query: str) -> None:
        """Keep a query."""
        try:
            await self._client.set(KEY % digest, query, ex=KEPT_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("persisted query not kept", error=str(error))
