"""Invitations: links that let whoever reads the mail of an address join an organisation, once and for a week."""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from assay_auth.domain.errors import AddressNotInvited, InvitationNotOpen
from assay_auth.domain.roles import Role

LIFETIME: Final = timedelta(days=7)
ENTROPY_BYTES: Final = 32
MAX_TEAMS: Final = 50
"""Teams that one invitation names."""


class InvitationStatus(StrEnum):
    """Where an invitation stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody was asked to join; the link's secret is stored as a digest only."""

    id: UUID
    org_id: UUID
    email: str
    role: Role
    teams: tuple[UUID, ...]
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    revoked_at: datetime | None = None

    def status(self, now: datetime) -> InvitationStatus:
        """Where it stands now."""
        if self.accepted_at is not None:
            return InvitationStatus.ACCEPTED
        if self.revoked_at is not None:
            return InvitationStatus.REVOKED
        return InvitationStatus.EXPIRED if self.expires_at <= now else InvitationStatus.OPEN

    def check_open(self, now: datetime) -> None:
        """Raise InvitationNotOpen when it can be taken up no more."""
        status = self.status(now)
        if status is not InvitationStatus.OPEN:
            told = {"accepted": "was accepted before", "revoked": "was taken back", "expired": "has expired"}[status]
            raise InvitationNotOpen(f"this invitation {told}: ask for another", status=status.value)

    def accepted(self, email: str, at: datetime) -> "Invitation":
        """The invitation, taken up by the person with this address; raises InvitationNotOpen, AddressNotInvited."""
        self.check_open(at)
        if email != self.email:
            raise AddressNotInvited("this invitation is for another address: sign in as whom it was sent to")
        return replace(self, accepted_at=at)

    def revoked(self, at: datetime) -> "Invitation":
        """The invitation, taken back; one that ended before stays as it is. Raises InvitationNotOpen if accepted."""
        status = self.status(at)
        if status is InvitationStatus.ACCEPTED:
            self.check_open(at)
        return replace(self, revoked_at=at) if status is InvitationStatus.OPEN else self


def token_from(entropy: bytes) -> str:
    """Write ENTROPY_BYTES random bytes as the token of a link (base64url)."""
    return base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def digest_of(token: str) -> bytes:
    """What is stored of a link's token, and how it is found: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
