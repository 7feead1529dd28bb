"""Check the code of a second factor."""

from dataclasses import dataclass
from datetime import datetime

from assay_auth.application.ports import OneTimePasswords, SecretSealer, Transaction
from assay_auth.domain.second_factor import SecondFactor, is_one_time_code, recovery_digest, typed_code


def seal_name(factor: SecondFactor) -> str:
    """What the authenticator's secret is sealed for, so that it opens as this person's only."""
    return f"totp:{factor.user_id}"


@dataclass(frozen=True, slots=True)
class CheckCode:
    """Whether a code is one of the authenticator or a recovery code; either is spent by it."""

    sealer: SecretSealer
    one_time_passwords: OneTimePasswords

    async def __call__(self, tx: Transaction, factor: SecondFactor, code: str, now: datetime) -> bool:
        """Whether the code holds; `factor` must be locked in the transaction."""
        typed = typed_code(code)
        if not is_one_time_code(typed):
            return await tx.second_factors.take_code(factor.user_id, recovery_digest(factor.user_id, typed))
        step = self.step_of(factor, typed, now)
        if step is None or step <= factor.last_step:
            return False
        await tx.second_factors.save(factor.used(step))
        return True

    def step_of(self, factor: SecondFactor, code: str, now: datetime) -> int | None:
        """The time step of an authenticator's code, None for a wrong one."""
        secret = self.sealer.unseal(factor.sealed_secret, seal_name(factor)).decode()
        return self.one_time_passwords.step_of(secret, code, now)
