"""Sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.application.pages import PageRequest
from assay_auth.domain.sessions import NewFamily, NewToken, OpenedSession, StoredToken


class RefreshTokens(Protocol):
    """Families of refresh tokens."""

    async def open(self, family: NewFamily, token: NewToken) -> None:
        """Store a family with its first token, and forget the person's expired families."""

    async def find_for_change(self, digest: bytes) -> StoredToken | None:
        """The token with this digest, its family locked until the transaction ends."""

    async def rotate(self, spent: StoredToken, successor: NewToken, org_id: UUID | None) -> None:
        """Replace a token by its successor, in the organisation the session goes on in."""

    async def revoke(self, family_id: UUID, at: datetime) -> None:
        """Close a family for good."""

    async def revoke_of(
        self, user_id: UUID, at: datetime, *, only: UUID | None = None, but: UUID | None = None
    ) -> Sequence[UUID]:
        """Close a person's open sessions: all, or `only` one, or all `but` one; the ids of those that were open."""

    async def page(self, user_id: UUID, page: PageRequest, now: datetime) -> Sequence[OpenedSession]:
        """A person's open sessions against the order of their ids, newest first."""

    async def addresses_of(self, user_id: UUID) -> Sequence[str]:
        """The network addresses from which the person has opened sessions lately."""
