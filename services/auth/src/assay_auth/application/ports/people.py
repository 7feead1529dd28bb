"""People."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.links import AccountLink, Purpose
from assay_auth.domain.members import User


@dataclass(frozen=True, slots=True)
class Credentials:
    """A person and the hash of their password."""

    user: User
    password_hash: str | None
    """None for somebody who has no password and signs on with an identity provider."""
    is_verified: bool = True
    """Whether somebody vouches that the address is theirs: they by a link, or whoever added them."""
    is_active: bool = True
    revision: int = 1

    @property
    def etag(self) -> str:
        """Names this state of the account."""
        return str(self.revision)


class Users(Protocol):
    """People, of all organisations."""

    async def find(self, user_id: UUID) -> User | None:
        """The person with this id, unless their account was closed."""

    async def credentials(self, email: str) -> Credentials | None:
        """The person with this address (in normal form), even if their account was closed."""

    async def credentials_for_change(self, user_id: UUID) -> Credentials | None:
        """The person with this id, locked until the transaction ends."""

    async def add(self, user: User, password_hash: str | None, *, is_verified: bool = True) -> bool:
        """Add a person, whose address somebody vouches for or not; False when the address is taken."""

    async def verify_email(self, user_id: UUID, at: datetime) -> bool:
        """Note that a person's address is theirs; False when that was known before."""

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> None:
        """Put a new hash in the place of `old`; nothing happens when that was replaced meanwhile."""

    async def set_hash(self, user_id: UUID, password_hash: str) -> None:
        """Give a person another password."""

    async def rename(self, user_id: UUID, name: str) -> None:
        """Give a person another name: a new revision."""

    async def deactivate(self, user_id: UUID, at: datetime) -> None:
        """Close an account for good."""

    async def forget_unverified(self, created_before: datetime) -> None:
        """Delete accounts whose address nobody verified in time; nobody could sign in to them."""

    async def lock(self) -> None:
        """Wait until nobody else holds this lock, and hold it until the transaction ends."""

    async def exist(self) -> bool:
        """Whether there is anybody at all."""


class AccountLinks(Protocol):
    """Links that were sent to people."""

    async def add(self, link: AccountLink, *, unless_since: datetime) -> bool:
        """Keep a link, in the place of the person's older ones of its kind.

        False, and nothing is kept, when there is one that was made after `unless_since`.
        """

    async def find(self, digest: bytes, purpose: Purpose, now: datetime) -> UUID | None:
        """Whose link of this kind has this digest, if it still works."""

    async def take(self, digest: bytes, purpose: Purpose, now: datetime) -> UUID | None:
        """The same; the link is spent: nobody gets it twice."""

    async def forget_of(self, user_id: UUID) -> None:
        """Spend all links of a person."""

    async def forget(self, now: datetime) -> None:
        """Delete the links that work no more."""
