"""Mails to people."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that waits to be sent."""

    id: UUID
    to: str
    subject: str
    text: str = field(repr=False)
    """May hold links that are secrets."""
    created_at: datetime
    attempts: int
    """How often it was tried, this time included."""


class Mails(Protocol):
    """Mails that go out after the commit, at least once."""

    @property
    def leave(self) -> bool:
        """Whether the installation can send mails at all."""

    def require(self) -> None:
        """Raise MailNotConfigured where the installation cannot send mails."""

    async def add(self, to: str, subject: str, text: str) -> None:
        """Add a mail to an address; raises MailNotConfigured."""

    async def claim(self, now: datetime, until: datetime, limit: int) -> "list[Mail]":
        """Mails whose turn it is, which nobody else claims before `until`."""

    async def waiting(self) -> "tuple[int, datetime | None]":
        """How many are not sent yet, and when the oldest was written."""

    async def postpone(self, mail_id: UUID, until: datetime) -> None:
        """Try a mail again then."""

    async def remove(self, mail_id: UUID) -> None:
        """Forget a mail, which was sent or never will be."""


class Mailer(Protocol):
    """Hands mails to whoever carries them."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail over; raises MailRefused for one that will never be taken, MailerUnavailable to try again."""
