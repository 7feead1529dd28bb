"""Mails that wait to be sent."""

from dataclasses import dataclass

import asyncpg

from assay_common.ids import new_id

_ADD = "INSERT INTO mails (id, recipient, subject, text) VALUES ($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class PostgresMails:
    """The table `mails`."""

    connection: asyncpg.Connection

    async def add(self, to: str, subject: str, text: str) -> None:
        """Add a mail to an address."""
        await self.connection.execute(_ADD, new_id(), to, subject, text)
