"""Organisations and the people in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.application.pages import PageRequest
from assay_auth.domain.members import Member
from assay_auth.domain.organisations import Membership, Organisation
from assay_auth.domain.roles import Role


class Organisations(Protocol):
    """Tenants."""

    async def add(self, organisation: Organisation) -> None:
        """Add one; raises SlugTaken."""

    async def find(self, org_id: UUID) -> Organisation | None:
        """The organisation with this id."""

    async def of_subject(self, subject: UUID, page: PageRequest) -> Sequence[Organisation]:
        """Those a person is a member of, or that an API key belongs to."""

    async def lock(self, org_id: UUID) -> None:
        """Let nobody else change the organisation or its members until the transaction ends."""


class Members(Protocol):
    """People in organisations."""

    async def add(self, org_id: UUID, user_id: UUID, role: Role, joined_at: datetime) -> None:
        """Add one; raises AlreadyMember, and SubjectUnknown when there is no such person."""

    async def get(self, org_id: UUID, user_id: UUID) -> Member:
        """One member; raises MemberNotFound."""

    async def role_of(self, org_id: UUID, user_id: UUID) -> Role | None:
        """The person's role, None when they are no member."""

    async def memberships_of(self, user_id: UUID) -> Sequence[Membership]:
        """All organisations of a person."""

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[Member]:
        """Members in the order of their ids."""

    async def count_owners(self, org_id: UUID) -> int:
        """How many owners the organisation has."""

    async def change_role(self, org_id: UUID, user_id: UUID, role: Role) -> None:
        """Give a member another role."""

    async def remove(self, org_id: UUID, user_id: UUID) -> None:
        """Remove a member."""
