"""Change one's password."""

from dataclasses import dataclass

from assay_auth.application.accounts.password_rules import PasswordRules
from assay_auth.application.ports import PasswordHasher, UnitOfWork
from assay_auth.application.sessions.authenticate import Authenticate, wrong_credentials
from assay_auth.application.sessions.own_sessions import require_person
from assay_auth.application.sessions.session import end_sessions
from assay_auth.domain.errors import SubjectUnknown
from assay_auth.domain.events import PasswordChanged, RevocationReason
from assay_auth.domain.text import missing, normal_password, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal

_SUBJECT = "Your password was changed"
_TEXT = """\
The password of your Assay account was changed just now, and every other session was closed.

If it was not you, choose a new password at once: {public_url}/reset-password
"""


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Replace the caller's password by another; whoever has only found an open screen does not know the old one."""

    uow: UnitOfWork
    authenticate: Authenticate
    rules: PasswordRules
    hasher: PasswordHasher
    clock: Clock
    public_url: str

    async def __call__(self, caller: Principal, current: str, new: str) -> None:
        """Set the password and end the caller's other sessions in one step.

        Raises InvalidArgument, PersonNeeded, SubjectUnknown, InvalidCredentials, TooManyAttempts.
        """
        require_person(caller)
        refuse(*missing("current_password", current), *missing("new_password", new))
        async with self.uow.system() as tx:
            user = await tx.users.find(caller.subject)
        if user is None:
            raise SubjectUnknown("the token speaks for nobody who is known here")
        refuse(*await self.rules("new_password", new, user.email, user.name))
        known = await self.authenticate.password_only(user.email, current)
        password_hash = await self.hasher.hash(normal_password(new))
        now = self.clock()
        async with self.uow.system() as tx:
            present = await tx.users.credentials_for_change(user.id)
            if present is None or not present.is_active or present.password_hash != known.password_hash:
                raise wrong_credentials()
            await tx.users.set_hash(user.id, password_hash)
            await tx.account_links.forget_of(user.id)
            await tx.record(PasswordChanged(user.id))
            await end_sessions(tx, user.id, now, RevocationReason.PASSWORD_CHANGED, but=caller.session_id)
            if tx.mails.leave:
                await tx.mails.add(user.email, _SUBJECT, _TEXT.format(public_url=self.public_url))
