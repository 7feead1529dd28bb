"""Links that are sent to a person's address: whoever follows one reads that person's mail, once and in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

AT_MOST_ONE_IN: Final = timedelta(minutes=1)
"""A person gets no second link of a kind so soon: whoever asks for links could fill their mailbox otherwise."""


class Purpose(StrEnum):
    """What a link does."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105

    @property
    def lifetime(self) -> timedelta:
        """How long such a link works."""
        return timedelta(hours=24) if self is Purpose.VERIFY_EMAIL else timedelta(hours=1)

    @property
    def path(self) -> str:
        """Where the link leads, below the public URL."""
        return "/verify-email" if self is Purpose.VERIFY_EMAIL else "/reset-password"


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A link to be stored: the digest of its token, never the token itself."""

    digest: bytes
    user_id: UUID
    purpose: Purpose
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it stops working."""
        return self.created_at + self.purpose.lifetime
