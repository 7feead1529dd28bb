"""Seal everything under today's key encryption key, so that a previous one may go."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from assay_auth.application.accounts.second_factor import seal_name
from assay_auth.application.ports import SealBroken, SecretSealer, UnitOfWork

BATCH: Final = 200
"""Rows of one transaction: sign-ins of these people wait for it."""


@dataclass(slots=True)
class Resealed:
    """What was done, and what could not be."""

    signing_keys: int = 0
    second_factors: int = 0
    unreadable: list[str] = field(default_factory=list)
    """What opens under none of the keys, by the name it is sealed for."""


@dataclass(frozen=True, slots=True)
class Reseal:
    """Go through all that is sealed, in small transactions; a second run finds nothing to do."""

    uow: UnitOfWork
    sealer: SecretSealer

    async def __call__(self) -> Resealed:
        """What was sealed anew; the service runs on meanwhile."""
        done = Resealed()
        await self._signing_keys(done)
        await self._second_factors(done)
        return done

    async def _signing_keys(self, done: Resealed) -> None:
        last = ""
        while True:
            async with self.uow.system() as tx:
                keys = await tx.signing_keys.sealed_after(last, BATCH)
                for key in keys:
                    last = key.id
                    with _unless_unreadable(done, f"signing key {key.id}"):
                        sealed = self.sealer.sealed_anew(key.sealed_private_key, key.id)
                        if sealed is not None:
                            await tx.signing_keys.reseal(replace(key, sealed_private_key=sealed))
                            done.signing_keys += 1
            if len(keys) < BATCH:
                return

    async def _second_factors(self, done: Resealed) -> None:
        last = UUID(int=0)
        while True:
            async with self.uow.system() as tx:
                factors = await tx.second_factors.sealed_after(last, BATCH)
                for factor in factors:
                    last = factor.user_id
                    with _unless_unreadable(done, f"second factor of {factor.user_id}"):
                        sealed = self.sealer.sealed_anew(factor.sealed_secret, seal_name(factor))
                        if sealed is not None:
                            await tx.second_factors.save(replace(factor, sealed_secret=sealed))
                            done.second_factors += 1
            if len(factors) < BATCH:
                return


@contextmanager
def _unless_unreadable(done: Resealed, name: str) -> Iterator[None]:
    try:
        yield
    except SealBroken:
        done.unreadable.append(name)
