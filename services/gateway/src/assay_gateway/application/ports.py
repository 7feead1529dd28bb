"""What the use cases need from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from assay_common.identity import Principal
from assay_common.kafka.delivery import Delivery
from assay_gateway.domain.prompts import ResolvedPrompt, Selector
from assay_gateway.domain.rate import Claims
from assay_protos.topic import Topic


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
    """Tokens taken from shared buckets, from all the same number."""

    granted: int
    """0 when one of the buckets has too few."""
    remaining: tuple[float, ...]
    """Tokens left in each of them."""


class SharedBuckets(Protocol):
    """Token buckets that all replicas share."""

    async def lease(self, claims: Claims, wanted: int, needed: int) -> Lease:
        """Take up to `wanted` tokens from all of the buckets at once, or none at all where that would be fewer than
        `needed`; raises BucketsAway when they cannot be reached now.
        """
        ...

    async def ping(self) -> None:
        """Raises BucketsAway when they cannot be reached now."""
        ...


class BucketsAway(Exception):
    """The shared buckets cannot be reached at the moment."""


class AnswerStore(Protocol):
    """Where it is kept which requests with an Idempotency-Key are running, and how others were answered.

    A record of a running request begins with one byte and its owner; `keep`, `renew` and `release` leave a record of
    somebody else as it is. All raise AnswersAway when the store cannot be reached now.
    """

    async def claim(self, name: str, record: bytes, seconds: float) -> bytes | None:
        """Put the record there for so long, unless there is one, which is returned."""
        ...

    async def renew(self, name: str, owner: bytes, seconds: float) -> None:
        """Let the owner's record stay for so long from now."""
        ...

    async def keep(self, name: str, owner: bytes, record: bytes, seconds: float) -> None:
        """Put `record` in the place of the owner's, or where there is none any more."""
        ...

    async def release(self, name: str, owner: bytes) -> None:
        """Take the owner's record away."""
        ...


class AnswersAway(Exception):
    """The store of answers cannot be reached at the moment."""


class EventSink(Protocol):
    """Who is told every event of the services, in the order of each partition."""

    def on_begin(self, topic: Topic, partition: int, position: int) -> None:
        """A partition is read from this offset on."""
        ...

    def on_event(self, topic: Topic, delivery: Delivery) -> None:
        """Something happened."""
        ...

    def on_unreadable(self, topic: Topic) -> None:
        """Something happened that cannot be read."""
        ...

    def on_loss(self, topic: Topic, partition: int, position: int) -> None:
        """What lay before this offset of a partition, and was not read yet, is gone."""
        ...
