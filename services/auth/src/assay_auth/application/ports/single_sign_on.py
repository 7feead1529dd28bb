"""Single sign-on."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.sso import Attempt, ProvidedIdentity


class SignOnAttempts(Protocol):
    """People on their way to a provider and back."""

    async def add(self, attempt: Attempt, now: datetime) -> None:
        """Keep an attempt, and forget those that are too old."""

    async def take(self, state_digest: bytes) -> Attempt | None:
        """The attempt of this state, which is forgotten: nobody gets it twice."""


class Identities(Protocol):
    """Which account a provider's person has here."""

    async def user_of(self, identity: ProvidedIdentity) -> UUID | None:
        """The account that a provider's person was given."""

    async def link(self, identity: ProvidedIdentity, user_id: UUID, at: datetime) -> bool:
        """Give a provider's person this account; False when either has another already."""


class IdentityProvider(Protocol):
    """An OpenID Connect provider."""

    @property
    def id(self) -> str:
        """Short name."""

    @property
    def name(self) -> str:
        """Name for people."""

    async def authorization_url(self, attempt: Attempt, state: str) -> str:
        """Where to send the browser; raises ProviderUnavailable."""

    async def check_issuer(self, issuer: str) -> None:
        """Raise SignOnRefused unless an answer that names this issuer ("" = none) is the provider's (RFC 9207)."""

    async def identity(self, attempt: Attempt, code: str) -> ProvidedIdentity:
        """Who it is, for the code of this attempt; raises ProviderUnavailable, SignOnRefused, IdTokenInvalid."""
