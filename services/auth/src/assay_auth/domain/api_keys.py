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
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from assay_auth.domain.errors import (
    ApiKeyExpired,
    ApiKeyInvalid,
    ApiKeyNotUsable,
    ApiKeyRevoked,
    KeyOfSomebodyElse,
    LimitsExceedCreator,
    ScopesExceedCreator,
    ScopesExceedOwner,
)
from assay_auth.domain.members import Standing
from assay_auth.domain.roles import PermissionModel, Role
from assay_auth.domain.text import missing, name_violations, refuse
from assay_common.errors import Violation

MARK: Final = "assay_key_"
ENTROPY_BYTES: Final = 32
SHOWN: Final = len(MARK) + 4
"""Characters of a key that are kept and shown, to recognise it by."""
MAX_LIMITED_TO: Final = 50
"""Prompts, or repositories, that a key can be limited to."""
DEFAULT_OVERLAP: Final = timedelta(hours=24)
MAX_OVERLAP: Final = timedelta(days=30)
"""How long a replaced key works on."""

_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH: Final = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_LENGTH: Final = 6  # 62 ** 6 > 2 ** 32
_LENGTH: Final = len(MARK) + _RANDOM_LENGTH + _CHECKSUM_LENGTH


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose doing it is what a key does, and whose role bounds it."""

    id: UUID
    kind: Literal["person", "service_account"] = "person"

    @property
    def is_service_account(self) -> bool:
        """Whether it is a machine."""
        return self.kind == "service_account"


@dataclass(frozen=True, slots=True)
class Limits:
    """The only things a key may touch, by id or name; empty = all of the organisation's."""

    prompts: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()

    def violations(self) -> Iterator[Violation]:
        """What is wrong with limits that somebody asks for."""
        for field, names in (("prompts", self.prompts), ("repositories", self.repositories)):
            if len(names) > MAX_LIMITED_TO:
                yield Violation(field, f"must have at most {MAX_LIMITED_TO} entries")
            for index, name in enumerate(names):
                yield from name_violations(f"{field}[{index}]", name)

    def check_within(self, outer: "Limits") -> None:
        """Raise LimitsExceedCreator unless everything within these limits is within the outer ones."""
        for kind, inside, outside in (
            ("prompts", self.prompts, outer.prompts),
            ("repositories", self.repositories, outer.repositories),
        ):
            if outside and not (inside and set(inside) <= set(outside)):
                raise LimitsExceedCreator(f"a limited key makes keys for its own {kind} only", limited=kind)

    def plain(self) -> "Limits":
        """The same limits, sorted and without doubles."""
        return Limits(tuple(sorted(set(self.prompts))), tuple(sorted(set(self.repositories))))


NO_LIMITS: Final = Limits()


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
    owner: KeyOwner
    limits: Limits = NO_LIMITS
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    rotated_from: UUID | None = None
    """The key that this one replaces."""

    def permissions(self, model: PermissionModel, role: Role) -> frozenset[str]:
        """What it may do now that its owner has this role."""
        return model.of(role).intersection(self.scopes)

    def check_usable(self, now: datetime) -> None:
        """Raise ApiKeyRevoked or ApiKeyExpired when it works no more."""
        if self.revoked_at is not None:
            raise ApiKeyRevoked("this API key was revoked")
        if self.expires_at is not None and self.expires_at <= now:
            raise ApiKeyExpired("this API key has expired")

    def revoked(self, at: datetime) -> "ApiKey":
        """The key, revoked; one that was revoked before keeps its time."""
        return self if self.revoked_at is not None else replace(self, revoked_at=at)

    def check_rotatable(self, now: datetime) -> None:
        """Raise ApiKeyNotUsable when the key works no more: there is nothing to go on with."""
        try:
            self.check_usable(now)
        except (ApiKeyRevoked, ApiKeyExpired) as error:
            raise ApiKeyNotUsable("this key works no more: create another") from error

    def check_rotation(self, actor: Standing, acts_for: UUID, limits: Limits) -> None:
        """Whether `actor`, itself bound by `limits`, may have another secret for the key's rights.

        Whoever rotates a key holds the new one: it is a service account's or their own, and may do no more than they.
        Raises KeyOfSomebodyElse, ScopesExceedCreator, LimitsExceedCreator.
        """
        if not self.owner.is_service_account and self.owner.id != acts_for:
            raise KeyOfSomebodyElse("only its owner can rotate a person's key; you can revoke it")
        _check_scopes(actor, self.scopes)
        self.limits.check_within(limits)

    def replacement(self, key_id: UUID, prefix: str, by: UUID, at: datetime) -> "ApiKey":
        """A key with the same rights, which works as long from now as this one was made to."""
        life = self.expires_at - self.created_at if self.expires_at else None
        return ApiKey(
            id=key_id,
            org_id=self.org_id,
            name=self.name,
            prefix=prefix,
            scopes=self.scopes,
            created_by=by,
            created_at=at,
            owner=self.owner,
            limits=self.limits,
            expires_at=at + min(life, _END_OF_TIME - at) if life is not None else None,
            rotated_from=self.id,
        )

    def ending(self, at: datetime) -> "ApiKey":
        """The key, which works no longer than until then."""
        return replace(self, expires_at=min(self.expires_at or at, at))


@dataclass(frozen=True, slots=True)
class KeyWish:
    """The key that somebody asks for."""

    name: str
    scopes: Sequence[str]
    expires_at: datetime | None = None
    limits: Limits = NO_LIMITS
    service_account: str = ""
    """Id of the service account it is for; empty = the creator's own."""

    def checked(self, creator: Standing, catalogue: Collection[str], now: datetime) -> tuple[str, ...]:
        """The scopes, sorted and without doubles; raises InvalidArgument, ScopesExceedCreator."""
        refuse(*self._violations(catalogue, now))
        _check_scopes(creator, self.scopes)
        return tuple(sorted(set(self.scopes)))

    def check_owner(self, permissions: frozenset[str]) -> None:
        """Raise ScopesExceedOwner unless a service account with these permissions could use all scopes."""
        excess = sorted(set(self.scopes) - permissions)
        if excess:
            raise ScopesExceedOwner(
                f"the service account's role does not allow: {', '.join(excess)}", scopes=" ".join(excess)
            )

    def _violations(self, catalogue: Collection[str], now: datetime) -> Iterator[Violation]:
        yield from name_violations("name", self.name)
        yield from missing("scopes", self.scopes)
        for index, scope in enumerate(self.scopes):
            if scope not in catalogue:
                yield Violation(f"scopes[{index}]", "is not a permission")
        if self.expires_at is not None and self.expires_at <= now:
            yield Violation("expires_at", "must be in the future")
        yield from self.limits.violations()


def overlap_from(seconds: int) -> timedelta:
    """How long a replaced key works on; 0 = DEFAULT_OVERLAP. Raises InvalidArgument."""
    overlap = timedelta(seconds=seconds) if seconds else DEFAULT_OVERLAP
    if not timedelta() < overlap <= MAX_OVERLAP:
        most = int(MAX_OVERLAP.total_seconds())
        refuse(Violation("overlap_seconds", f"must be between 0 and {most} seconds"))
    return overlap


def _check_scopes(creator: Standing, scopes: Collection[str]) -> None:
    excess = sorted(set(scopes) - creator.permissions)
    if excess:
        raise ScopesExceedCreator(
            f"a key cannot be allowed more than its creator: {', '.join(excess)}", scopes=" ".join(excess)
        )


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
