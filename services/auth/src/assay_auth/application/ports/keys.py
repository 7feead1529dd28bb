"""Signing keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from assay_auth.domain.access import KeyMaterial, SigningKey


class SigningKeys(Protocol):
    """Keys that sign access tokens."""

    async def lock(self) -> None:
        """Wait until nobody else holds this lock, and hold it until the transaction ends."""

    async def add(self, key: SigningKey) -> None:
        """Add a key."""

    async def signing_after(self, now: datetime) -> Sequence[SigningKey]:
        """The keys that sign now or will, in the order in which they do."""

    async def save(self, key: SigningKey) -> None:
        """Store until when a key signs and verifies."""

    async def verifying_at(self, now: datetime) -> Sequence[SigningKey]:
        """All keys whose tokens may still be good."""

    async def sealed_after(self, key_id: str, limit: int) -> Sequence[KeyMaterial]:
        """The next keys in the order of their ids, locked until the transaction ends."""

    async def reseal(self, key: KeyMaterial) -> None:
        """Store the private half as it is sealed now."""


class KeyMaker(Protocol):
    """Makes key pairs."""

    def generate(self) -> KeyMaterial:
        """A new key pair, its private half sealed."""


class TokenSigner(Protocol):
    """Signs tokens."""

    def sign(self, key: KeyMaterial, claims: Mapping[str, Any]) -> str:
        """The claims as a signed JWT (RFC 7519)."""
