"""What the use cases need from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from assay_common.identity import Principal
from assay_gateway.domain.prompts import ResolvedPrompt, Selector
from assay_gateway.domain.rate import Rate


class TokenVerifier(Protocol):
    """Checks access tokens offline."""

    async def verify(self, token: str) -> Principal:
        """The caller behind a token; raises Unauthenticated, or Unavailable when it cannot be checked now."""
        ...


@dataclass(frozen=True, slots=True)
class ExchangedKey:
    """What auth gave for an API key."""

    access_token: str
    expires_at: datetime


class KeyExchange(Protocol):
    """Auth's exchange of API keys for access tokens."""

    async def exchange(self, api_key: str) -> ExchangedKey:
        """Raises KeyRefused when the key does not hold, AuthAway, or what else auth answered."""
        ...


class PromptSource(Protocol):
    """The prompt service, asked in the name of the current caller."""

    async def resolve(self, selector: Selector) -> ResolvedPrompt:
        """Raises what the service answered instead."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """Tokens taken from a shared bucket."""

    granted: int
    remaining: float
    """Tokens left in the shared bucket."""


class SharedBuckets(Protocol):
    """Token buckets that all replicas share."""

    async def lease(self, subject: str, rate: Rate, wanted: int) -> Lease:
        """Take up to `wanted` tokens at once; raises BucketsAway when they cannot be reached now."""
        ...

    async def ping(self) -> None:
        """Raises BucketsAway when they cannot be reached now."""
        ...


class BucketsAway(Exception):
    """The shared buckets cannot be reached at the moment."""
