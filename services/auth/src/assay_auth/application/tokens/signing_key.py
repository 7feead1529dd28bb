"""Signing keys: each is published first, then signs, then only verifies until its last tokens are gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_auth.application.metrics import SIGNING_UNTIL
from assay_auth.application.ports import KeyMaker, Transaction, UnitOfWork
from assay_auth.domain.access import ROTATION_LEAD, SigningKey, new_signing_key
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class EnsureSigningKey:
    """Find the key to sign with, and publish the next one in good time; replicas make each key between them."""

    uow: UnitOfWork
    maker: KeyMaker
    clock: Clock

    async def __call__(self) -> SigningKey:
        """The key to sign with now."""
        now = self.clock()
        async with self.uow.system() as tx:
            keys = await tx.signing_keys.signing_after(now)
            if not _is_complete(keys, now):
                await tx.signing_keys.lock()
                # The time after the wait: another replica's key may be younger than the time before it.
                keys = await self._completed(tx, self.clock())
        SIGNING_UNTIL.set(keys[-1].signs_until.timestamp())
        return keys[0]

    async def _completed(self, tx: Transaction, now: datetime) -> Sequence[SigningKey]:
        keys = await tx.signing_keys.signing_after(now)
        if not keys or not keys[0].signs_at(now):
            keys = [await self._made(tx, now, now), *keys]
        if keys[-1].is_last_hour_at(now):
            keys = [*keys, await self._made(tx, now, keys[-1].signs_until)]
        return keys

    async def _made(self, tx: Transaction, now: datetime, signs_from: datetime) -> SigningKey:
        key = new_signing_key(self.maker.generate(), now, signs_from)
        await tx.signing_keys.add(key)
        return key


@dataclass(frozen=True, slots=True)
class RotateSigningKey:
    """Let another key take over before its time, for instance when the old one may be known to somebody."""

    uow: UnitOfWork
    maker: KeyMaker
    clock: Clock

    async def __call__(self) -> SigningKey:
        """The key that takes over in ROTATION_LEAD; one that was to take over later does not any more."""
        now = self.clock()
        takes_over_at = now + ROTATION_LEAD
        async with self.uow.system() as tx:
            await tx.signing_keys.lock()
            for key in await tx.signing_keys.signing_after(now):
                await tx.signing_keys.save(key.until(takes_over_at if key.signs_at(now) else now))
            key = new_signing_key(self.maker.generate(), now, takes_over_at)
            await tx.signing_keys.add(key)
        return key


def _is_complete(keys: Sequence[SigningKey], now: datetime) -> bool:
    return bool(keys) and keys[0].signs_at(now) and not keys[-1].is_last_hour_at(now)
