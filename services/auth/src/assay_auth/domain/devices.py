"""Signing in on another device (RFC 8628): its request, the code that people type, and how often either is tried."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from assay_auth.domain.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    SlowDown,
    TooManyUserCodes,
)
from assay_common.errors import FailedPrecondition, Violation

LIFETIME: Final = timedelta(minutes=10)
INTERVAL_SECONDS: Final = 5
"""How long a device waits between two polls, and how much longer after each that came too soon (section 3.5)."""
ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of user codes: none that make words, or look like digits (section 6.1)."""
USER_CODE_LENGTH: Final = 8
"""20 ** 8 codes: with MAX_WRONG_CODES in ten minutes, an account hits one of a thousand open ones in 10 ** 6 hours."""
MAX_CLIENT_NAME: Final = 100
MAX_WRONG_CODES: Final = 5
WRONG_CODES_FORGOTTEN: Final = timedelta(minutes=10)


class Decision(StrEnum):
    """What a person has said to a device's request."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A device that waits to act for somebody; of its code only a digest is kept."""

    device_digest: bytes
    user_code: str
    client_name: str
    address: str
    requested_at: datetime
    expires_at: datetime
    interval_seconds: int = INTERVAL_SECONDS
    polled_at: datetime | None = None
    decision: Decision = Decision.PENDING
    user_id: UUID | None = None
    org_id: UUID | None = None
    """Where the device shall act."""

    def is_open(self, now: datetime) -> bool:
        """Whether somebody can still decide."""
        return self.decision is Decision.PENDING and now < self.expires_at

    def approved(self, user_id: UUID, org_id: UUID | None) -> "DeviceRequest":
        """The request, granted by this person."""
        return replace(self, decision=Decision.APPROVED, user_id=user_id, org_id=org_id)

    def denied(self) -> "DeviceRequest":
        """The request, refused."""
        return replace(self, decision=Decision.DENIED)

    def polled(self, now: datetime) -> "tuple[DeviceRequest, FailedPrecondition | None]":
        """The request after the device has asked, and what is to be said to it: nothing once it is approved."""
        if now >= self.expires_at:
            return self, ExpiredToken("nobody approved it in time: begin again")
        if self.decision is Decision.APPROVED:
            return self, None
        if self.decision is Decision.DENIED:
            return self, AccessDenied("the request was refused")
        if self.polled_at is not None and now - self.polled_at < timedelta(seconds=self.interval_seconds):
            slower = replace(self, polled_at=now, interval_seconds=self.interval_seconds + INTERVAL_SECONDS)
            return slower, SlowDown("too soon: wait longer between polls", interval=str(slower.interval_seconds))
        return replace(self, polled_at=now), AuthorizationPending("nobody has decided yet")


@dataclass(frozen=True, slots=True)
class Tries:
    """User codes that one person got wrong."""

    wrong: int
    since: datetime

    def check(self, now: datetime) -> None:
        """Raise TooManyUserCodes when the person is to wait: they may be guessing."""
        again_at = self.since + WRONG_CODES_FORGOTTEN
        if self.wrong >= MAX_WRONG_CODES and now < again_at:
            seconds = max(1, round((again_at - now).total_seconds()))
            raise TooManyUserCodes(
                f"too many codes were wrong: try again in {seconds} seconds", retry_after=str(seconds)
            )

    def after_a_wrong_one(self, now: datetime) -> "Tries":
        """The same, with one more; what lies far back is forgotten."""
        if now >= self.since + WRONG_CODES_FORGOTTEN:
            return Tries(1, now)
        return replace(self, wrong=self.wrong + 1)


def user_code_from(letters: Sequence[int]) -> str:
    """Write USER_CODE_LENGTH numbers below len(ALPHABET) as a user code."""
    return "".join(ALPHABET[letter] for letter in letters)


def shown(user_code: str) -> str:
    """The code as people read it: a hyphen in the middle."""
    half = USER_CODE_LENGTH // 2
    return f"{user_code[:half]}-{user_code[half:]}"


def typed(text: str) -> str:
    """The code that somebody typed: case, hyphens and spaces do not matter (section 6.1)."""
    return "".join(character for character in text[:100].upper() if character in ALPHABET)


def client_name_violations(name: str) -> Iterator[Violation]:
    """What is wrong with what a device calls itself."""
    if not name.strip():
        yield Violation("client_name", "is required")
    elif len(name) > MAX_CLIENT_NAME or not name.isprintable():
        yield Violation("client_name", f"must have at most {MAX_CLIENT_NAME} printable characters")
