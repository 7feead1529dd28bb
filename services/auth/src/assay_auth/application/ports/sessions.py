"""Sessions."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.sessions import NewFamily, NewToken, StoredToken


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
