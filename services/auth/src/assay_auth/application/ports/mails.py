"""Mails to people."""

from typing import Protocol


class Mails(Protocol):
    """Mails that go out after the commit, at least once."""

    async def add(self, to: str, subject: str, text: str) -> None:
        """Add a mail to an address."""
