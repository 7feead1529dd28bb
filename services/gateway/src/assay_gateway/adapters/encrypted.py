"""Encrypted connections to Valkey that share one TLS context for as long as the certificates to trust stay the same."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

from redis.asyncio import Redis, SSLConnection
from redis.asyncio.connection import RedisSSLContext

from assay_common.certificates import measure_read_always


def share_context(client: Redis) -> None:
    """Let all connections of a client to a rediss:// URL share a TLS context; does nothing to one of redis://.

    By itself redis-py makes one for each connection: that reads all certificates of the system, for some 30 ms in
    which the process does nothing else, and many connections at once use up the time in which the server has to
    answer. And it keeps the context when it connects again, although the certificates may have been renewed since.
    """
    pool = client.connection_pool
    if pool.connection_class is not SSLConnection:
        return
    if trusted := pool.connection_kwargs.get("ssl_ca_certs"):
        measure_read_always(Path(trusted))
    pool.connection_class = _EncryptedConnection
    pool.connection_kwargs["shared"] = _SharedContext()


class _SharedContext:
    def __init__(self) -> None:
        self._context: RedisSSLContext | None = None
        self._written_at: int | None = None

    def like(self, options: RedisSSLContext) -> RedisSSLContext:
        """The context with these options, which are the same each time; raises OSError without its certificates."""
        written_at = Path(options.ca_certs).stat().st_mtime_ns if options.ca_certs else None
        if self._context is None or written_at != self._written_at:
            fresh = copy(options)
            fresh.context = None
            fresh.get()
            self._context, self._written_at = fresh, written_at
        return self._context


class _EncryptedConnection(SSLConnection):
    def __init__(self, *, shared: _SharedContext, **options: Any) -> None:
        super().__init__(**options)
        self._shared = shared

    async def connect(self) -> None:
        if not self.is_connected:
            self.ssl_context = self._shared.like(self.ssl_context)
        await super().connect()  # type: ignore[no-untyped-call]  # redis-py says nothing of it
