"""Send the mails that wait: at least once each, and never inside the transaction that asked for them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from assay_auth.application.metrics import MAIL_OLDEST_SECONDS, MAILS, MAILS_WAITING
from assay_auth.application.ports import Mail, Mailer, UnitOfWork
from assay_auth.domain.errors import MailerUnavailable, MailRefused
from assay_common.clock import Clock

log = structlog.get_logger()

BATCH: Final = 10
CLAIMED_FOR: Final = timedelta(minutes=5)
"""How long a process has for a batch; if it dies, another takes the mails up after that."""
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
GIVEN_UP_AFTER: Final = timedelta(days=3)
"""A mail that nobody took for so long is dropped; its link has expired by far."""


@dataclass(frozen=True, slots=True)
class DeliverMails:
    """Hand the mails whose turn it is to the mailer; replicas share them."""

    uow: UnitOfWork
    mailer: Mailer
    clock: Clock

    async def __call__(self) -> int:
        """How many mails were looked at; as long as that is not zero there may be more."""
        now = self.clock()
        async with self.uow.system() as tx:
            mails = await tx.mails.claim(now, now + CLAIMED_FOR, BATCH)
            number, oldest = await tx.mails.waiting()
        MAILS_WAITING.set(number)
        MAIL_OLDEST_SECONDS.set((now - oldest).total_seconds() if oldest else 0)
        for mail in mails:
            await self._deliver(mail)
        return len(mails)

    async def _deliver(self, mail: Mail) -> None:
        try:
            await self.mailer.send(mail)
        except MailRefused as error:
            MAILS.labels("refused").inc()
            log.warning("mail refused for good", mail_id=str(mail.id), error=str(error))
        except MailerUnavailable as error:
            await self._postpone(mail, error)
            return
        else:
            MAILS.labels("sent").inc()
        await self._remove(mail)

    async def _postpone(self, mail: Mail, error: MailerUnavailable) -> None:
        now = self.clock()
        if now - mail.created_at >= GIVEN_UP_AFTER:
            MAILS.labels("given_up").inc()
            log.error("mail given up", mail_id=str(mail.id), attempts=mail.attempts, error=str(error))
            await self._remove(mail)
            return
        MAILS.labels("postponed").inc()
        pause = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 20), LONGEST_PAUSE)
        log.warning("mail not sent yet", mail_id=str(mail.id), again_in=pause.total_seconds(), error=str(error))
        async with self.uow.system() as tx:
            await tx.mails.postpone(mail.id, now + pause)

    async def _remove(self, mail: Mail) -> None:
        async with self.uow.system() as tx:
            await tx.mails.remove(mail.id)
