"""Choose a new password without the old one, by a link that is sent to the account's address."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assay_auth.application.accounts.pace import FLOOR_SECONDS, at_pace
from assay_auth.application.accounts.password_rules import PasswordRules
from assay_auth.application.accounts.send_link import RESET, SendLink
from assay_auth.application.accounts.verify_email import invalid_link
from assay_auth.application.ports import Credentials, PasswordHasher, Transaction, UnitOfWork
from assay_auth.application.sessions.session import end_sessions
from assay_auth.application.sessions.throttle import forgive_account
from assay_auth.domain.events import EmailVerified, PasswordChanged, RevocationReason
from assay_auth.domain.links import Purpose
from assay_auth.domain.sessions import digest_of
from assay_auth.domain.text import email_violations, missing, normal_email, normal_password, refuse
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class RequestPasswordReset:
    """Send the link; whoever asks learns nothing of whether the address is known."""

    uow: UnitOfWork
    send_link: SendLink
    clock: Clock
    floor_seconds: float = FLOOR_SECONDS

    async def __call__(self, email: str) -> None:
        """Send it to a person who is known; raises InvalidArgument, MailNotConfigured."""
        email = normal_email(email)
        refuse(*email_violations("email", email))
        async with at_pace(self.floor_seconds), self.uow.system() as tx:
            tx.mails.require()
            known = await tx.users.credentials(email)
            if known is not None and known.is_active:
                await self.send_link(tx, known.user, RESET, self.clock())


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """Spend the link. It proves the address too, and clears whatever throttled the person at this place.

    The second factor stays: whoever reads the mail has one factor, not two.
    """

    uow: UnitOfWork
    rules: PasswordRules
    hasher: PasswordHasher
    clock: Clock

    async def __call__(self, token: str, new_password: str) -> None:
        """Set the password and end every session; raises LinkInvalid, and InvalidArgument, which spends nothing."""
        refuse(*missing("token", token))
        digest, now = digest_of(token), self.clock()
        async with self.uow.system() as tx:
            known = await self._whose(tx, await tx.account_links.find(digest, Purpose.RESET_PASSWORD, now))
        refuse(*await self.rules("new_password", new_password, known.user.email, known.user.name))
        password_hash = await self.hasher.hash(normal_password(new_password))
        async with self.uow.system() as tx:
            known = await self._whose(tx, await tx.account_links.take(digest, Purpose.RESET_PASSWORD, now))
            await self._set(tx, known, password_hash, now)

    @staticmethod
    async def _whose(tx: Transaction, user_id: UUID | None) -> Credentials:
        known = await tx.users.credentials_for_change(user_id) if user_id is not None else None
        if known is None or not known.is_active:
            raise invalid_link()
        return known

    @staticmethod
    async def _set(tx: Transaction, known: Credentials, password_hash: str, now: datetime) -> None:
        user = known.user
        await tx.users.set_hash(user.id, password_hash)
        await tx.account_links.forget_of(user.id)
        if await tx.users.verify_email(user.id, now):
            await tx.record(EmailVerified(user.id))
        await tx.record(PasswordChanged(user.id))
        await end_sessions(tx, user.id, now, RevocationReason.PASSWORD_RESET)
        await forgive_account(tx, user.email)
