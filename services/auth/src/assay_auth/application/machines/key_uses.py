"""Remember when API keys were last used, without a write per request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from assay_auth.application.ports import UnitOfWork

EXACT_TO: Final = timedelta(minutes=1)
FLUSH_SECONDS: Final = 15.0
"""How often what was noted is stored: what a crash loses."""


@dataclass(slots=True)
class KeyUses:
    """Notes uses in memory; `flush` stores them by one statement, a key at most once per EXACT_TO."""

    uow: UnitOfWork
    _noted: dict[UUID, datetime] = field(default_factory=dict, init=False)
    _stored: dict[UUID, datetime] = field(default_factory=dict, init=False)

    def note(self, key_id: UUID, at: datetime) -> None:
        """A key was used."""
        stored = self._stored.get(key_id)
        if stored is None or at - stored >= EXACT_TO:
            self._noted[key_id] = at

    async def flush(self) -> None:
        """Store what was noted since the last time; what cannot be stored is kept for the next."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            async with self.uow.system() as tx:
                await tx.api_keys.note_uses(noted)
        except BaseException:
            self._noted = noted | self._noted
            raise
        self._stored = _young(self._stored | noted)


def _young(stored: Mapping[UUID, datetime]) -> dict[UUID, datetime]:
    newest = max(stored.values())
    return {key_id: at for key_id, at in stored.items() if newest - at < EXACT_TO}
