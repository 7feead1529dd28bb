"""Find out whether somebody is who they say: by password, and by the second factor where there is one."""

from dataclasses import dataclass
from datetime import datetime

from assay_auth.application.accounts.second_factor import CheckCode
from assay_auth.application.ports import Credentials, PasswordHasher, Transaction, UnitOfWork
from assay_auth.application.sessions.throttle import Admission, Throttle, forgive
from assay_auth.domain.errors import EmailNotVerified, InvalidCredentials, SecondFactorNeeded, SecondFactorWrong
from assay_auth.domain.events import FailureReason, SignInFailed
from assay_auth.domain.text import MAX_PASSWORD, is_email, normal_password
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Check a password and a code; an unknown address costs the time of a wrong password."""

    uow: UnitOfWork
    hasher: PasswordHasher
    throttle: Throttle
    check_code: CheckCode
    clock: Clock

    async def __call__(self, email: str, password: str, code: str) -> Credentials:
        """Who it is, for an address in normal form, a password and, where there is a second factor, a code.

        Raises TooManyAttempts, InvalidCredentials, EmailNotVerified, SecondFactorNeeded, SecondFactorWrong.
        """
        known, admission = await self._with_password(email, password)
        if not known.is_verified:
            await self.throttle.give_back(admission)
            raise EmailNotVerified("your e-mail address is not verified: follow the link in the mail that was sent")
        await self._check_second_factor(known, code, admission)
        return await self._with_present_parameters(known, password)

    async def password_only(self, email: str, password: str) -> Credentials:
        """Somebody who is signed in knows their password; raises TooManyAttempts, InvalidCredentials."""
        known, admission = await self._with_password(email, password)
        await self.throttle.give_back(admission)
        return known

    async def second_factor_only(self, known: Credentials, code: str) -> None:
        """Check the code of somebody who is signed in.

        Raises TooManyAttempts, SecondFactorNeeded, SecondFactorWrong.
        """
        admission = await self.throttle.admit(known.user.email, known.user.id)
        await self._check_second_factor(known, code, admission)

    async def _with_password(self, email: str, password: str) -> tuple[Credentials, Admission]:
        known = await self._find(email)
        admission = await self.throttle.admit(email, known.user.id if known else None)
        fits = await self.hasher.verify(known.password_hash if known else None, _candidate(password))
        if known is None or not fits:
            await self._failed(known, admission, FailureReason.PASSWORD)
            raise wrong_credentials()
        return known, admission

    async def _find(self, email: str) -> Credentials | None:
        if not is_email(email):
            return None
        async with self.uow.system() as tx:
            known = await tx.users.credentials(email)
        return known if known is not None and known.is_active else None

    async def _check_second_factor(self, known: Credentials, code: str, admission: Admission) -> None:
        async with self.uow.system() as tx:
            holds = await self._second_factor_holds(tx, known, code, self.clock())
            if holds:
                await forgive(tx, admission)
        if holds:
            return
        if not code:
            await self.throttle.give_back(admission)
            raise SecondFactorNeeded("enter the code of your authenticator, or a recovery code")
        await self._failed(known, admission, FailureReason.SECOND_FACTOR)
        raise SecondFactorWrong("the code is wrong, or was used before")

    async def _second_factor_holds(self, tx: Transaction, known: Credentials, code: str, now: datetime) -> bool:
        factor = await tx.second_factors.find_for_change(known.user.id)
        if factor is None or not factor.is_on:
            return True
        return bool(code) and await self.check_code(tx, factor, code, now)

    async def _failed(self, known: Credentials | None, admission: Admission, reason: FailureReason) -> None:
        async with self.uow.system() as tx:
            # Locking writes: so an unknown address, of which there is nothing to tell, costs a commit as well.
            await tx.throttles.lock([admission.before[0].bucket], admission.at)
            if known is not None:
                await tx.record(SignInFailed(known.user.id, reason))

    async def _with_present_parameters(self, known: Credentials, password: str) -> Credentials:
        old = known.password_hash
        if old is None or not self.hasher.is_outdated(old):
            return known
        new = await self.hasher.hash(_candidate(password))
        async with self.uow.system() as tx:
            await tx.users.replace_hash(known.user.id, old, new)
            return await tx.users.credentials(known.user.email) or known


def _candidate(password: str) -> str:
    """What to hash: what is too long to be anybody's password not in full length, but as slowly as any other."""
    return normal_password(password) if len(password) <= MAX_PASSWORD else ""


def wrong_credentials() -> InvalidCredentials:
    """The answer to a wrong password and to an unknown address, which are not told apart."""
    return InvalidCredentials("the e-mail address or the password is wrong")
