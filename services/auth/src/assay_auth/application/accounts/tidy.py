"""Forget what nobody needs any more."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.throttle import FORGOTTEN_AFTER
from assay_common.clock import Clock

UNVERIFIED_FOR: Final = timedelta(days=7)
"""An account whose address nobody verified for so long goes: it keeps its address from whoever has it."""


@dataclass(frozen=True, slots=True)
class Tidy:
    """Delete expired links, counts of long ago, and accounts that never began."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self) -> None:
        """Delete what is due."""
        now = self.clock()
        async with self.uow.system() as tx:
            await tx.account_links.forget(now)
            await tx.throttles.forget(now - FORGOTTEN_AFTER)
            await tx.users.forget_unverified(now - UNVERIFIED_FOR)
