"""Persisted queries: a client sends a query's SHA-256 instead of the query once the installation knows it.

The protocol is Apollo's automatic persisted queries
(https://www.apollographql.com/docs/apollo-server/performance/apq): a hash that is not known is answered with the error
PERSISTED_QUERY_NOT_FOUND, and the client sends query and hash together.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from typing import Any, Final, Protocol

from assay_common.errors import InvalidArgument, NotFound

MAX_QUERY_CHARS: Final = 16 * 1024
"""Longest query that is kept."""
MAX_REMEMBERED: Final = 1_000
"""Queries that this replica keeps by itself."""


class PersistedQueryNotFound(NotFound):
    """The installation does not know the hash: the whole query is needed once."""


class PersistedQueryHashMismatch(InvalidArgument):
    """The query that came along has another hash."""


class PersistedQueryMalformed(InvalidArgument):
    """`persistedQuery` is not what the protocol says."""


class StoredQueries(Protocol):
    """Queries by hash, shared by all replicas."""

    async def find(self, digest: str) -> str | None:
        """The query; None when it is not known, or the store is away."""

    async def keep(self, digest: str, query: str) -> None:
        """Keep a query for some days; does nothing when the store is away."""


class PersistedQueries:
    """Finds and keeps queries."""

    def __init__(self, stored: StoredQueries) -> None:
        self._stored = stored
        self._remembered: OrderedDict[str, str] = OrderedDict()

    async def query(self, query: str | None, extensions: dict[str, Any]) -> str | None:
        """The query that a request means; raises PersistedQueryNotFound, -HashMismatch, -Malformed."""
        asked = extensions.get("persistedQuery")
        if asked is None:
            return query
        digest = _digest_of(asked)
        if query is None:
            return await self._found(digest)
        if not hmac.compare_digest(hashlib.sha256(query.encode()).hexdigest(), digest):
            raise PersistedQueryHashMismatch("the query does not have this hash")
        if len(query) <= MAX_QUERY_CHARS:
            self._remember(digest, query)
            await self._stored.keep(digest, query)
        return query

    async def _found(self, digest: str) -> str:
        query = self._remembered.get(digest) or await self._stored.find(digest)
        if query is None:
            raise PersistedQueryNotFound("PersistedQueryNotFound")  # the words that clients wait for
        self._remember(digest, query)
        return query

    def _remember(self, digest: str, query: str) -> None:
        self._remembered[digest] = query
        self._remembered.move_to_end(digest)
        while len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)


def _digest_of(asked: Any) -> str:
    match asked:
        case {"version": 1, "sha256Hash": str(digest)} if len(digest) == 64:
            return digest.lower()
        case _:
            raise PersistedQueryMalformed("persistedQuery needs version 1 and a sha256Hash")
