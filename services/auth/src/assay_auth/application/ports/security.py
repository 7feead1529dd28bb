"""What keeps accounts: second factors, counts of failures, sealed secrets, passwords that everybody tries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.second_factor import SecondFactor
from assay_auth.domain.throttle import Tally


class SecondFactors(Protocol):
    """Authenticators and recovery codes."""

    async def find(self, user_id: UUID) -> SecondFactor | None:
        """The person's, confirmed or not."""

    async def find_for_change(self, user_id: UUID) -> SecondFactor | None:
        """The same, locked until the transaction ends."""

    async def save(self, factor: SecondFactor) -> None:
        """Store the person's only one."""

    async def remove(self, user_id: UUID) -> None:
        """Forget a person's, with its recovery codes."""

    async def replace_codes(self, user_id: UUID, digests: Sequence[bytes]) -> None:
        """Let these be the person's recovery codes, and no others."""

    async def take_code(self, user_id: UUID, digest: bytes) -> bool:
        """Spend a recovery code; False when the person has no such."""

    async def count_codes(self, user_id: UUID) -> int:
        """How many recovery codes are left."""

    async def sealed_after(self, user_id: UUID, limit: int) -> Sequence[SecondFactor]:
        """The next authenticators in the order of their people's ids, locked until the transaction ends."""


class Throttles(Protocol):
    """Counts of failures."""

    async def lock(self, buckets: Sequence[bytes], now: datetime) -> Sequence[Tally]:
        """The counts in these buckets, locked until the transaction ends; a new one begins at nothing."""

    async def save(self, tallies: Sequence[Tally]) -> None:
        """Store counts that are locked."""

    async def clear(self, buckets: Sequence[bytes]) -> None:
        """Begin again at nothing."""

    async def give_back(self, before: Sequence[Tally], at: datetime) -> None:
        """Take back an attempt that was counted at this moment, after these counts."""

    async def forget(self, last_before: datetime) -> None:
        """Delete counts of long ago."""


class SealBroken(Exception):
    """A sealed secret does not open: it was sealed under another key or for another name, or was damaged."""


class SecretSealer(Protocol):
    """Keeps secrets that must be read again, such as an authenticator's."""

    def seal(self, secret: bytes, name: str) -> bytes:
        """The secret, sealed; it opens under this name only."""

    def unseal(self, sealed: bytes, name: str) -> bytes:
        """The secret; raises SealBroken."""

    def sealed_anew(self, sealed: bytes, name: str) -> bytes | None:
        """The same secret under today's key; None when it is under it already. Raises SealBroken."""


class OneTimePasswords(Protocol):
    """Time-based one-time passwords (RFC 6238)."""

    def new_secret(self) -> str:
        """A secret for an authenticator, in base32."""

    def uri(self, secret: str, account: str) -> str:
        """What a QR code tells an authenticator."""

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        """The time step that the code belongs to, at most one beside the present; None when it is of none."""


class CommonPasswords(Protocol):
    """Passwords that whoever guesses tries first."""

    async def has(self, password: str, about: Sequence[str]) -> bool:
        """Whether it is one of them, or made of one, or of what is known `about` the person."""
