"""The second factor: time-based one-time passwords (RFC 6238), and recovery codes that each stand in for one once."""

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

RECOVERY_CODES: Final = 10
RECOVERY_ENTROPY_BYTES: Final = 10
"""80 bits: enough that a plain hash of a code keeps it."""
_GROUP: Final = 4
_SIX_DIGITS: Final = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """An authenticator of a person; it counts once a code has confirmed it."""

    user_id: UUID
    sealed_secret: bytes = field(repr=False)
    created_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0
    """The time step of the last code that was accepted; no code of it or before works again (RFC 6238, 5.2)."""

    @property
    def is_on(self) -> bool:
        """Whether signing in asks for it."""
        return self.confirmed_at is not None

    def confirmed(self, step: int, at: datetime) -> "SecondFactor":
        """The factor, turned on by a code of this step."""
        return replace(self, confirmed_at=at, last_step=step)

    def used(self, step: int) -> "SecondFactor":
        """The factor after a code of this step."""
        return replace(self, last_step=step)


def is_one_time_code(text: str) -> bool:
    """Whether it has the form of an authenticator's code, rather than of a recovery code."""
    return _SIX_DIGITS.fullmatch(text) is not None


def typed_code(text: str) -> str:
    """The code that somebody typed: case, spaces and hyphens do not matter."""
    return "".join(character for character in text[:100].lower() if character.isalnum())


def recovery_code_from(entropy: bytes) -> str:
    """Write RECOVERY_ENTROPY_BYTES random bytes as a recovery code: four groups of base32."""
    letters = base64.b32encode(entropy).decode().lower()
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def recovery_digest(user_id: UUID, typed: str) -> bytes:
    """What is stored of a recovery code (as `typed_code` gives it), and how it is found."""
    return hashlib.sha256(user_id.bytes + typed.encode()).digest()
