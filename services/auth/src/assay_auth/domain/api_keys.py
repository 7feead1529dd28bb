"""API keys: what they look like, what they may do, and when they stop working.

A key reads `assay_key_<43 random characters><6 of checksum>`: the prefix lets secret scanners and people recognise it,
the checksum tells a typo from a key without asking the database. The checksum is CRC32 (ISO 3309) of everything before
it; both parts are in base 62.
"""

import hashlib
import string
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from assay_auth.domain.errors import ApiKeyExpired, ApiKeyInvalid, ApiKeyRevoked, ScopesExceedCreator
from assay_auth.domain.members import Standing
from assay_auth.domain.text import missing, name_violations, refuse
from assay_common.errors import Violation

MARK: Final = "assay_key_"
ENTROPY_BYTES: Final = 32
SHOWN: Final = len(MARK) + 4
"""Characters of a key that are kept and shown, to recognise it by."""

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH: Final = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_LENGTH: Final = 6  # 62 ** 6 > 2 ** 32
_LENGTH: Final = len(MARK) + _RANDOM_LENGTH + _CHECKSUM_LENGTH


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; its secret is stored as a hash only."""

    id: UUID
    org_id: UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def check_usable(self, now: datetime) -> None:
        """Raise ApiKeyRevoked or ApiKeyExpired when it works no more."""
        if self.revoked_at is not None:
            raise ApiKeyRevoked("this API key was revoked")
        if self.expires_at is not None and self.expires_at <= now:
            raise ApiKeyExpired("this API key has expired")

    def revoked(self, at: datetime) -> "ApiKey":
        """The key, revoked; one that was revoked before keeps its time."""
        return self if self.revoked_at is not None else replace(self, revoked_at=at)


@dataclass(frozen=True, slots=True)
class KeyWish:
    """The key that somebody asks for."""

    name: str
    scopes: Sequence[str]
    expires_at: datetime | None = None

    def checked(self, creator: Standing, catalogue: Collection[str], now: datetime) -> tuple[str, ...]:
        """The scopes, sorted and without doubles; raises InvalidArgument, ScopesExceedCreator."""
        refuse(*self._violations(catalogue, now))
        excess = sorted(set(self.scopes) - creator.permissions)
        if excess:
            raise ScopesExceedCreator(
                f"a key cannot be allowed more than its creator: {', '.join(excess)}", scopes=" ".join(excess)
            )
        return tuple(sorted(set(self.scopes)))

    def _violations(self, catalogue: Collection[str], now: datetime) -> Iterator[Violation]:
        yield from name_violations("name", self.name)
        yield from missing("scopes", self.scopes)
        for index, scope in enumerate(self.scopes):
            if scope not in catalogue:
                yield Violation(f"scopes[{index}]", "is not a permission")
        if self.expires_at is not None and self.expires_at <= now:
            yield Violation("expires_at", "must be in the future")


def secret_from(entropy: bytes) -> str:
    """Write ENTROPY_BYTES random bytes as a key."""
    body = MARK + _base62(int.from_bytes(entropy), _RANDOM_LENGTH)
    return body + _checksum(body)


def digest_of(secret: str) -> bytes:
    """What is stored of a key, and how it is found: SHA-256, enough for 256 random bits.

    Raises ApiKeyInvalid when the text is no key: another form, or a checksum that does not fit.
    """
    body, checksum = secret[:-_CHECKSUM_LENGTH], secret[-_CHECKSUM_LENGTH:]
    if len(secret) != _LENGTH or not secret.startswith(MARK) or _checksum(body) != checksum:
        raise ApiKeyInvalid("this is not an API key")
    return hashlib.sha256(secret.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
