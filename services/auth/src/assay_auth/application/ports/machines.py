"""Machines and their keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.application.pages import PageRequest
from assay_auth.domain.api_keys import ApiKey
from assay_auth.domain.roles import Role
from assay_auth.domain.service_accounts import ServiceAccount


class ApiKeys(Protocol):
    """Keys for machines."""

    async def add(self, key: ApiKey, digest: bytes) -> None:
        """Add a key under the digest of its secret; raises ApiKeyRotated when it replaces one that was replaced."""

    async def find(self, key_id: UUID) -> ApiKey | None:
        """The key with this id."""

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The key whose secret has this digest."""

    async def get_for_change(self, org_id: UUID, key_id: UUID) -> ApiKey:
        """One key, locked until the transaction ends; raises ApiKeyNotFound."""

    async def save(self, key: ApiKey) -> None:
        """Store what has changed of a key: when it ends, and when it was revoked."""

    async def page(self, org_id: UUID, page: PageRequest, owner: UUID | None = None) -> Sequence[ApiKey]:
        """Keys in the order of their ids; those of one person or service account, or all."""

    async def revoke_of(self, owner: UUID, at: datetime, org_id: UUID | None = None) -> Sequence[ApiKey]:
        """Revoke what a person or service account has (in one organisation), and tell which keys worked until then."""

    async def note_uses(self, uses: Mapping[UUID, datetime]) -> None:
        """Store when keys were last used, by one statement; an older time never replaces a newer one."""


class ServiceAccounts(Protocol):
    """Machines that are members."""

    async def add(self, account: ServiceAccount) -> None:
        """Add one; raises ServiceAccountNameTaken."""

    async def get(self, org_id: UUID, account_id: UUID) -> ServiceAccount:
        """One service account; raises ServiceAccountNotFound."""

    async def role_of(self, org_id: UUID, account_id: UUID) -> Role | None:
        """Its role, None when there is no such account."""

    async def save(self, account: ServiceAccount) -> None:
        """Store name, description, role and revision; raises ServiceAccountNameTaken."""

    async def remove(self, org_id: UUID, account_id: UUID) -> None:
        """Delete one."""

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[ServiceAccount]:
        """Service accounts in the order of their ids."""
