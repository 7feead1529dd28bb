"""Everything that is stored together."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from assay_auth.application.ports.audit_trail import AuditTrail
from assay_auth.application.ports.keys import SigningKeys
from assay_auth.application.ports.machines import ApiKeys
from assay_auth.application.ports.organisations import Members, Organisations
from assay_auth.application.ports.people import Users
from assay_auth.application.ports.sessions import RefreshTokens
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
    def api_keys(self) -> ApiKeys:
        """Keys for machines."""

    @property
    def refresh_tokens(self) -> RefreshTokens:
        """Sessions."""

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
