"""Single sign-on."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.members import User
from assay_auth.domain.sso import Account, Attempt, ProvidedIdentity


class SignOnAttempts(Protocol):
    """People on their way to a provider and back."""

    async def add(self, attempt: Attempt, now: datetime) -> None:
        """Keep an attempt, and forget those that are too old."""

    async def take(self, state_digest: bytes) -> Attempt | None:
        """The attempt of this state, which is forgotten: nobody gets it twice."""


class Identities(Protocol):
    """Which account a provider's person has here, and what counts of accounts for that."""

    async def account_of(self, identity: ProvidedIdentity) -> Account | None:
        """The account that a provider's person was given."""

    async def account_at(self, email: str) -> Account | None:
        """The account with this address."""

    async def add_account(self, user: User) -> bool:
        """Add a person without a password, whose address is verified; False when the address is taken."""

    async def is_invited(self, email: str, now: datetime) -> bool:
        """Whether some organisation has asked this address to join, and waits."""

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
