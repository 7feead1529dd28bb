"""Everything that is stored together."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from assay_auth.application.ports.audit_trail import AuditTrail
from assay_auth.application.ports.devices import Devices
from assay_auth.application.ports.keys import SigningKeys
from assay_auth.application.ports.machines import ApiKeys, ServiceAccounts
from assay_auth.application.ports.mails import Mails
from assay_auth.application.ports.organisations import Invitations, Members, Organisations, Teams
from assay_auth.application.ports.people import AccountLinks, Users
from assay_auth.application.ports.security import SecondFactors, Throttles
from assay_auth.application.ports.sessions import RefreshTokens
from assay_auth.application.ports.single_sign_on import Identities, SignOnAttempts
from assay_auth.domain.events import Event


class Transaction(Protocol):
    """Everything done through it is committed together, or not at all."""

    @property
    def users(self) -> Users:
        """People."""

    @property
    def organisations(self) -> Organisations:
        """Tenants."""

    @property
    def members(self) -> Members:
        """People in organisations."""

    @property
    def invitations(self) -> Invitations:
        """Who was asked to join."""

    @property
    def teams(self) -> Teams:
        """Groups of members."""

    @property
    def service_accounts(self) -> ServiceAccounts:
        """Machines that are members."""

    @property
    def api_keys(self) -> ApiKeys:
        """Keys for machines."""

    @property
    def mails(self) -> Mails:
        """Mails to people."""

    @property
    def account_links(self) -> AccountLinks:
        """Links that were sent to people."""

    @property
    def second_factors(self) -> SecondFactors:
        """Authenticators and recovery codes."""

    @property
    def throttles(self) -> Throttles:
        """Counts of failures."""

    @property
    def refresh_tokens(self) -> RefreshTokens:
        """Sessions."""

    @property
    def sign_on_attempts(self) -> SignOnAttempts:
        """People on their way to a provider and back."""

    @property
    def identities(self) -> Identities:
        """Which account a provider's person has."""

    @property
    def devices(self) -> Devices:
        """Devices that wait to act for somebody."""

    @property
    def signing_keys(self) -> SigningKeys:
        """Keys of access tokens."""

    @property
    def audit_trail(self) -> AuditTrail:
        """Who did what."""

    async def record(self, *events: Event) -> None:
        """Store what happened; others are told after the commit."""


class UnitOfWork(Protocol):
    """Opens transactions."""

    def __call__(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """One that sees a single organisation."""

    def system(self) -> AbstractAsyncContextManager[Transaction]:
        """One that sees everything: where no organisation is known yet, and for what belongs to people."""
