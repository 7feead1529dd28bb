"""People."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.members import User


@dataclass(frozen=True, slots=True)
class Credentials:
    """A person and the hash of their password."""

    user: User
    password_hash: str | None
    """None for somebody who has no password and signs on with an identity provider."""


class Users(Protocol):
    """People, of all organisations."""

    async def find(self, user_id: UUID) -> User | None:
        """The person with this id."""

    async def credentials(self, email: str) -> Credentials | None:
        """The person with this address (in normal form)."""

    async def add(self, user: User, password_hash: str) -> bool:
        """Add a person whose address somebody vouches for; False when the address is taken."""

    async def verify_email(self, user_id: UUID, at: datetime) -> bool:
        """Note that a person's address is theirs; False when that was known before."""

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> None:
        """Put a new hash in the place of `old`; nothing happens when that was replaced meanwhile."""

    async def lock(self) -> None:
        """Wait until nobody else holds this lock, and hold it until the transaction ends."""

    async def exist(self) -> bool:
        """Whether there is anybody at all."""
