"""Mails that wait to be sent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.application.ports import Mail
from assay_auth.domain.errors import MailNotConfigured
from assay_common.ids import new_id

_ADD = "INSERT INTO mails (id, recipient, subject, text) VALUES ($1, $2, $3, $4)"
_CLAIM = """
    UPDATE mails SET attempts = attempts + 1, next_attempt_at = $2
    WHERE id IN (
        SELECT id FROM mails WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, recipient AS "to", subject, text, created_at, attempts
"""
_WAITING = "SELECT count(*) AS number, min(created_at) AS oldest FROM mails"
_POSTPONE = "UPDATE mails SET next_attempt_at = $2 WHERE id = $1"
_REMOVE = "DELETE FROM mails WHERE id = $1"


@dataclass(frozen=True, slots=True)
class PostgresMails:
    """The table `mails`."""

    connection: asyncpg.Connection
    leave: bool = True

    def require(self) -> None:
        """Raise MailNotConfigured where no mail could leave."""
        if not self.leave:
            raise MailNotConfigured("this installation sends no mails: its operator can set ASSAY_SMTP__HOST")

    async def add(self, to: str, subject: str, text: str) -> None:
        """Add a mail to an address; raises MailNotConfigured."""
        self.require()
        await self.connection.execute(_ADD, new_id(), to, subject, text)

    async def claim(self, now: datetime, until: datetime, limit: int) -> list[Mail]:
        """Mails whose turn it is."""
        return [Mail(**dict(row)) for row in await self.connection.fetch(_CLAIM, now, until, limit)]

    async def waiting(self) -> tuple[int, datetime | None]:
        """How many there are, and when the oldest was written."""
        row = await self.connection.fetchrow(_WAITING)
        return (row["number"], row["oldest"]) if row else (0, None)

    async def postpone(self, mail_id: UUID, until: datetime) -> None:
        """Try a mail again then."""
        await self.connection.execute(_POSTPONE, mail_id, until)

    async def remove(self, mail_id: UUID) -> None:
        """Forget a mail."""
        await self.connection.execute(_REMOVE, mail_id)
