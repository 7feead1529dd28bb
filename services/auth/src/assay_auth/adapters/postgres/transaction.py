"""The transaction that use cases work in."""

from dataclasses import dataclass
from typing import Final

from assay_auth.adapters.postgres.api_keys import PostgresApiKeys
from assay_auth.adapters.postgres.audit_trail import PostgresAuditTrail
from assay_auth.adapters.postgres.devices import PostgresDevices
from assay_auth.adapters.postgres.events import record
from assay_auth.adapters.postgres.invitations import PostgresInvitations
from assay_auth.adapters.postgres.mails import PostgresMails
from assay_auth.adapters.postgres.members import PostgresMembers
from assay_auth.adapters.postgres.organisations import PostgresOrganisations
from assay_auth.adapters.postgres.refresh_tokens import PostgresRefreshTokens
from assay_auth.adapters.postgres.security import PostgresAccountLinks, PostgresSecondFactors, PostgresThrottles
from assay_auth.adapters.postgres.service_accounts import PostgresServiceAccounts
from assay_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from assay_auth.adapters.postgres.single_sign_on import PostgresIdentities, PostgresSignOnAttempts
from assay_auth.adapters.postgres.teams import PostgresTeams
from assay_auth.adapters.postgres.users import PostgresUsers
from assay_auth.domain.events import Event
from assay_common.postgres.unit_of_work import TenantTransaction

SCHEMA: Final = "auth"


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """The repositories over one open transaction."""

    tenant: TenantTransaction
    mails_leave: bool = True
    """Whether the installation can send mails."""

    @property
    def users(self) -> PostgresUsers:
        """People."""
        return PostgresUsers(self.tenant.connection)

    @property
    def organisations(self) -> PostgresOrganisations:
        """Tenants."""
        return PostgresOrganisations(self.tenant.connection)

    @property
    def members(self) -> PostgresMembers:
        """People in organisations."""
        return PostgresMembers(self.tenant.connection)

    @property
    def invitations(self) -> PostgresInvitations:
        """Who was asked to join."""
        return PostgresInvitations(self.tenant.connection)

    @property
    def teams(self) -> PostgresTeams:
        """Groups of members."""
        return PostgresTeams(self.tenant.connection)

    @property
    def service_accounts(self) -> PostgresServiceAccounts:
        """Machines that are members."""
        return PostgresServiceAccounts(self.tenant.connection)

    @property
    def api_keys(self) -> PostgresApiKeys:
        """Keys for machines."""
        return PostgresApiKeys(self.tenant.connection)

    @property
    def mails(self) -> PostgresMails:
        """Mails to people."""
        return PostgresMails(self.tenant.connection, self.mails_leave)

    @property
    def account_links(self) -> PostgresAccountLinks:
        """Links that were sent to people."""
        return PostgresAccountLinks(self.tenant.connection)

    @property
    def second_factors(self) -> PostgresSecondFactors:
        """Authenticators and recovery codes."""
        return PostgresSecondFactors(self.tenant.connection)

    @property
    def throttles(self) -> PostgresThrottles:
        """Counts of failures."""
        return PostgresThrottles(self.tenant.connection)

    @property
    def refresh_tokens(self) -> PostgresRefreshTokens:
        """Sessions."""
        return PostgresRefreshTokens(self.tenant.connection)

    @property
    def sign_on_attempts(self) -> PostgresSignOnAttempts:
        """People on their way to a provider and back."""
        return PostgresSignOnAttempts(self.tenant.connection)

    @property
    def identities(self) -> PostgresIdentities:
        """Which account a provider's person has."""
        return PostgresIdentities(self.tenant.connection)

    @property
    def devices(self) -> PostgresDevices:
        """Devices that wait to act for somebody."""
        return PostgresDevices(self.tenant.connection)

    @property
    def signing_keys(self) -> PostgresSigningKeys:
        """Keys of access tokens."""
        return PostgresSigningKeys(self.tenant.connection)

    @property
    def audit_trail(self) -> PostgresAuditTrail:
        """Who did what."""
        return PostgresAuditTrail(self.tenant.connection)

    async def record(self, *events: Event) -> None:
        """Store events of one organisation; they are published after the commit."""
        await record(self.tenant, events)
