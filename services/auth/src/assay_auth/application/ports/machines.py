"""Keys for machines."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from assay_auth.application.pages import PageRequest
from assay_auth.domain.api_keys import ApiKey


class ApiKeys(Protocol):
    """Keys for machines."""

    async def add(self, key: ApiKey, digest: bytes) -> None:
        """Add a key under the digest of its secret."""

    async def find(self, key_id: UUID) -> ApiKey | None:
        """The key with this id."""

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The key whose secret has this digest."""

    async def get_for_change(self, org_id: UUID, key_id: UUID) -> ApiKey:
        """One key, locked until the transaction ends; raises ApiKeyNotFound."""

    async def save(self, key: ApiKey) -> None:
        """Store what has changed of a key: when it was revoked."""

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[ApiKey]:
        """Keys in the order of their ids."""
