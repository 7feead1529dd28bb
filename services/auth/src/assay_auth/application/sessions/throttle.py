"""Count attempts to sign in before they are looked at; see `domain.throttle` for the rules and their reasons."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.domain.errors import TooManyAttempts
from assay_auth.domain.events import FailureReason, SignInFailed
from assay_auth.domain.throttle import Tally, account_bucket, limits_of, network_of
from assay_common.clock import Clock
from assay_common.origin import origin


@dataclass(frozen=True, slots=True)
class Admission:
    """An attempt that was let in and counted, to be given back if it was no failure."""

    at: datetime
    before: Sequence[Tally] = field(repr=False)
    """The counts without it; the first is the account's from this address."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """Let an attempt in, or tell how long to wait."""

    uow: UnitOfWork
    clock: Clock

    async def admit(self, email: str, user_id: UUID | None) -> Admission:
        """Count an attempt on the account with this address (None: there is no such account).

        Raises TooManyAttempts, which is not counted.
        """
        now = self.clock()
        address = origin().address
        async with self.uow.system() as tx:
            is_known = user_id is not None and await _is_known(tx, user_id, address)
            limits = limits_of(email, address, is_known=is_known)
            tallies = await tx.throttles.lock([limit.bucket for limit in limits], now)
            wait = max(tally.wait(limit.budget, now) for limit, tally in zip(limits, tallies, strict=True))
            if not wait:
                await tx.throttles.save([tally.with_another(now) for tally in tallies])
                return Admission(now, tallies)
            await self._note_refusal(tx, user_id, tallies[0])
        seconds = max(1, round(wait.total_seconds()))
        raise TooManyAttempts(f"too many attempts failed: try again in {seconds} seconds", retry_after=str(seconds))

    @staticmethod
    async def _note_refusal(tx: Transaction, user_id: UUID | None, tally: Tally) -> None:
        """Tell of the first refusal after a failure only: refusals cost nothing, telling of them does."""
        if tally.refused:
            return
        await tx.throttles.save([tally.after_a_refusal()])
        if user_id is not None:
            await tx.record(SignInFailed(user_id, FailureReason.THROTTLED))

    async def give_back(self, admission: Admission) -> None:
        """Take back an attempt that was no failure, and no success either."""
        async with self.uow.system() as tx:
            await tx.throttles.give_back(admission.before, admission.at)


async def forgive(tx: Transaction, admission: Admission) -> None:
    """Take back an attempt that succeeded, and what failed before it on this account from this address."""
    pair, *others = admission.before
    await tx.throttles.clear([pair.bucket])
    await tx.throttles.give_back(others, admission.at)


async def forgive_account(tx: Transaction, email: str) -> None:
    """Let a person in who has proved by mail who they are, from wherever they are now."""
    pair, *_ = limits_of(email, origin().address, is_known=True)
    await tx.throttles.clear([pair.bucket, account_bucket(email)])


async def _is_known(tx: Transaction, user_id: UUID, address: str) -> bool:
    place = network_of(address)
    return bool(place) and place in {network_of(known) for known in await tx.refresh_tokens.addresses_of(user_id)}
