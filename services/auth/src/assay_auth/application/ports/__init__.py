"""What the use cases need from the outside."""

from assay_auth.application.ports.audit_trail import AuditTrail, EntryFilter
from assay_auth.application.ports.keys import KeyMaker, SigningKeys, TokenSigner
from assay_auth.application.ports.machines import ApiKeys
from assay_auth.application.ports.organisations import Members, Organisations
from assay_auth.application.ports.passwords import PasswordHasher
from assay_auth.application.ports.people import Credentials, Users
from assay_auth.application.ports.sessions import RefreshTokens
from assay_auth.application.ports.transaction import Transaction, UnitOfWork

__all__ = [
    "ApiKeys",
    "AuditTrail",
    "Credentials",
    "EntryFilter",
    "KeyMaker",
    "Members",
    "Organisations",
    "PasswordHasher",
    "RefreshTokens",
    "SigningKeys",
    "TokenSigner",
    "Transaction",
    "UnitOfWork",
    "Users",
]
