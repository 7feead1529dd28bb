"""Turn one's second factor on and off."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay_auth.application.accounts.second_factor import CheckCode, seal_name
from assay_auth.application.ports import Credentials, OneTimePasswords, SecretSealer, Transaction, UnitOfWork
from assay_auth.application.sessions.authenticate import Authenticate
from assay_auth.application.sessions.own_sessions import require_person
from assay_auth.domain.errors import SecondFactorOff, SecondFactorOn, SecondFactorWrong, SubjectUnknown
from assay_auth.domain.events import SecondFactorChanged
from assay_auth.domain.members import User
from assay_auth.domain.second_factor import (
    RECOVERY_CODES,
    RECOVERY_ENTROPY_BYTES,
    SecondFactor,
    recovery_code_from,
    recovery_digest,
    typed_code,
)
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator needs."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnrolTotp:
    """Draw a secret for an authenticator; one that was never confirmed is replaced."""

    uow: UnitOfWork
    sealer: SecretSealer
    one_time_passwords: OneTimePasswords
    clock: Clock

    async def __call__(self, caller: Principal) -> Enrolment:
        """The secret, which is told this once; raises PersonNeeded, SubjectUnknown, SecondFactorOn."""
        require_person(caller)
        secret = self.one_time_passwords.new_secret()
        async with self.uow.system() as tx:
            user = await _person(tx, caller)
            known = await tx.second_factors.find_for_change(user.id)
            if known is not None and known.is_on:
                raise SecondFactorOn("the second factor is on: turn it off before you set up another")
            factor = SecondFactor(user.id, b"", self.clock())
            sealed = self.sealer.seal(secret.encode(), seal_name(factor))
            await tx.second_factors.save(SecondFactor(user.id, sealed, factor.created_at))
        return Enrolment(secret, self.one_time_passwords.uri(secret, user.email))


@dataclass(frozen=True, slots=True)
class ConfirmTotp:
    """Turn the second factor on, by a code of the authenticator that was set up."""

    uow: UnitOfWork
    check_code: CheckCode
    clock: Clock

    async def __call__(self, caller: Principal, code: str) -> Sequence[str]:
        """The recovery codes.

        Raises InvalidArgument, PersonNeeded, SecondFactorOff, SecondFactorOn, SecondFactorWrong.
        """
        require_person(caller)
        refuse(*missing("code", code))
        now = self.clock()
        async with self.uow.system() as tx:
            factor = await tx.second_factors.find_for_change(caller.subject)
            if factor is None:
                raise SecondFactorOff("set up an authenticator first")
            if factor.is_on:
                raise SecondFactorOn("the second factor is on already")
            step = self.check_code.step_of(factor, typed_code(code), now)
            if step is None:
                raise SecondFactorWrong("the code is wrong: see whether the clock of your authenticator is right")
            await tx.second_factors.save(factor.confirmed(step, now))
            await tx.record(SecondFactorChanged(caller.subject, enabled=True))
            return await new_recovery_codes(tx, factor)


@dataclass(frozen=True, slots=True)
class DisableTotp:
    """Turn the second factor off."""

    uow: UnitOfWork
    authenticate: Authenticate

    async def __call__(self, caller: Principal, code: str) -> None:
        """Forget the authenticator and the recovery codes.

        Raises InvalidArgument, PersonNeeded, SubjectUnknown, SecondFactorOff, SecondFactorWrong, TooManyAttempts.
        """
        await _proved(self.uow, self.authenticate, caller, code)
        async with self.uow.system() as tx:
            if await tx.second_factors.find_for_change(caller.subject) is not None:
                await tx.second_factors.remove(caller.subject)
                await tx.record(SecondFactorChanged(caller.subject, enabled=False))


@dataclass(frozen=True, slots=True)
class ReplaceRecoveryCodes:
    """Draw new recovery codes; the old ones work no more."""

    uow: UnitOfWork
    authenticate: Authenticate

    async def __call__(self, caller: Principal, code: str) -> Sequence[str]:
        """The new codes; raises as DisableTotp."""
        await _proved(self.uow, self.authenticate, caller, code)
        async with self.uow.system() as tx:
            factor = await tx.second_factors.find_for_change(caller.subject)
            if factor is None or not factor.is_on:
                raise _is_off()
            return await new_recovery_codes(tx, factor)


async def new_recovery_codes(tx: Transaction, factor: SecondFactor) -> Sequence[str]:
    """Draw recovery codes and keep their digests only."""
    codes = [recovery_code_from(secrets.token_bytes(RECOVERY_ENTROPY_BYTES)) for _ in range(RECOVERY_CODES)]
    digests = [recovery_digest(factor.user_id, typed_code(code)) for code in codes]
    await tx.second_factors.replace_codes(factor.user_id, digests)
    return codes


async def _person(tx: Transaction, caller: Principal) -> User:
    user = await tx.users.find(caller.subject)
    if user is None:
        raise SubjectUnknown("the token speaks for nobody who is known here")
    return user


async def _proved(uow: UnitOfWork, authenticate: Authenticate, caller: Principal, code: str) -> None:
    """Let the caller prove by a code that it is still they; raises as DisableTotp."""
    require_person(caller)
    refuse(*missing("code", code))
    async with uow.system() as tx:
        user = await _person(tx, caller)
        factor = await tx.second_factors.find(user.id)
    if factor is None or not factor.is_on:
        raise _is_off()
    await authenticate.second_factor_only(Credentials(user, None), code)


def _is_off() -> SecondFactorOff:
    return SecondFactorOff("the second factor is off")
