"""What the use cases need from the outside."""

from assay_auth.application.ports.audit_trail import AuditTrail, EntryFilter
from assay_auth.application.ports.devices import Devices
from assay_auth.application.ports.keys import KeyMaker, SigningKeys, TokenSigner
from assay_auth.application.ports.machines import ApiKeys, ServiceAccounts
from assay_auth.application.ports.mails import Mails
from assay_auth.application.ports.organisations import Invitations, Members, Organisations, Teams
from assay_auth.application.ports.passwords import PasswordHasher
from assay_auth.application.ports.people import Credentials, Users
from assay_auth.application.ports.sessions import RefreshTokens
from assay_auth.application.ports.single_sign_on import Identities, IdentityProvider, SignOnAttempts
from assay_auth.application.ports.transaction import Transaction, UnitOfWork

__all__ = [
    "ApiKeys",
    "AuditTrail",
    "Credentials",
    "Devices",
    "EntryFilter",
    "Identities",
    "IdentityProvider",
    "Invitations",
    "KeyMaker",
    "Mails",
    "Members",
    "Organisations",
    "PasswordHasher",
    "RefreshTokens",
    "ServiceAccounts",
    "SignOnAttempts",
    "SigningKeys",
    "Teams",
    "TokenSigner",
    "Transaction",
    "UnitOfWork",
    "Users",
]
