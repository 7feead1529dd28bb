"""Have a key to sign with: the newest that may still sign, or a new one."""

from dataclasses import dataclass
from datetime import datetime

from assay_auth.application.ports import KeyMaker, Transaction, UnitOfWork
from assay_auth.domain.access import SigningKey, new_signing_key
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class EnsureSigningKey:
    """Find the key to sign with; several replicas that find none make one between them."""

    uow: UnitOfWork
    maker: KeyMaker
    clock: Clock

    async def __call__(self) -> SigningKey:
        """The key to sign with now."""
        now = self.clock()
        async with self.uow.system() as tx:
            return await self._current(tx, now) or await self._made(tx, now)

    async def _made(self, tx: Transaction, now: datetime) -> SigningKey:
        await tx.signing_keys.lock()
        made_meanwhile = await self._current(tx, now)
        if made_meanwhile is not None:
            return made_meanwhile
        key = new_signing_key(self.maker.generate(), now)
        await tx.signing_keys.add(key)
        return key

    @staticmethod
    async def _current(tx: Transaction, now: datetime) -> SigningKey | None:
        newest = await tx.signing_keys.newest()
        return newest if newest is not None and newest.signs_at(now) else None
