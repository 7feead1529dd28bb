"""Verify that a person's address is theirs."""

from dataclasses import dataclass

from assay_auth.application.accounts.pace import FLOOR_SECONDS, at_pace
from assay_auth.application.accounts.send_link import VERIFY, SendLink
from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.errors import LinkInvalid
from assay_auth.domain.events import EmailVerified
from assay_auth.domain.links import Purpose
from assay_auth.domain.sessions import digest_of
from assay_auth.domain.text import email_violations, missing, normal_email, refuse
from assay_common.clock import Clock


def invalid_link() -> LinkInvalid:
    """The answer to a link that is unknown, used or too old; not told apart."""
    return LinkInvalid("this link is unknown, has been used, or is too old: ask for another")


@dataclass(frozen=True, slots=True)
class ResendVerification:
    """Send the verifying link again; whoever asks learns nothing of whether the address is known."""

    uow: UnitOfWork
    send_link: SendLink
    clock: Clock
    floor_seconds: float = FLOOR_SECONDS

    async def __call__(self, email: str) -> None:
        """Send it to a person who needs it; raises InvalidArgument, MailNotConfigured."""
        email = normal_email(email)
        refuse(*email_violations("email", email))
        async with at_pace(self.floor_seconds), self.uow.system() as tx:
            tx.mails.require()
            known = await tx.users.credentials(email)
            if known is not None and known.is_active and not known.is_verified:
                await self.send_link(tx, known.user, VERIFY, self.clock())


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """Spend a verifying link."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, token: str) -> None:
        """Let the address be the person's; raises InvalidArgument, LinkInvalid."""
        refuse(*missing("token", token))
        now = self.clock()
        async with self.uow.system() as tx:
            user_id = await tx.account_links.take(digest_of(token), Purpose.VERIFY_EMAIL, now)
            if user_id is None:
                raise invalid_link()
            if await tx.users.verify_email(user_id, now):
                await tx.record(EmailVerified(user_id))
