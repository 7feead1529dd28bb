"""What the use cases need from the outside."""

from assay_auth.application.ports.audit_trail import AuditTrail, EntryFilter
from assay_auth.application.ports.devices import Devices
from assay_auth.application.ports.keys import KeyMaker, SigningKeys, TokenSigner
from assay_auth.application.ports.machines import ApiKeys, ServiceAccounts
from assay_auth.application.ports.mails import Mail, Mailer, Mails
from assay_auth.application.ports.organisations import Invitations, Members, Organisations, Teams
from assay_auth.application.ports.passwords import PasswordHasher
from assay_auth.application.ports.people import AccountLinks, Credentials, Users
from assay_auth.application.ports.security import (
    CommonPasswords,
    OneTimePasswords,
    SealBroken,
    SecondFactors,
    SecretSealer,
    Throttles,
)
from assay_auth.application.ports.sessions import RefreshTokens
from assay_auth.application.ports.single_sign_on import Identities, IdentityProvider, SignOnAttempts
from assay_auth.application.ports.transaction import Transaction, UnitOfWork

__all__ = [
    "AccountLinks",
    "ApiKeys",
    "AuditTrail",
    "CommonPasswords",
    "Credentials",
    "Devices",
    "EntryFilter",
    "Identities",
    "IdentityProvider",
    "Invitations",
    "KeyMaker",
    "Mail",
    "Mailer",
    "Mails",
    "Members",
    "OneTimePasswords",
    "Organisations",
    "PasswordHasher",
    "RefreshTokens",
    "SealBroken",
    "SecondFactors",
    "SecretSealer",
    "ServiceAccounts",
    "SignOnAttempts",
    "SigningKeys",
    "Teams",
    "Throttles",
    "TokenSigner",
    "Transaction",
    "UnitOfWork",
    "Users",
]
