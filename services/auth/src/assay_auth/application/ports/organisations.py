"""Organisations and the people in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.application.pages import PageRequest
from assay_auth.domain.invitations import Invitation, InvitationStatus
from assay_auth.domain.members import Member
from assay_auth.domain.organisations import Membership, Organisation
from assay_auth.domain.roles import Role
from assay_auth.domain.teams import Team


class Organisations(Protocol):
    """Tenants."""

    async def add(self, organisation: Organisation) -> None:
        """Add one; raises SlugTaken."""

    async def find(self, org_id: UUID) -> Organisation | None:
        """The organisation with this id."""

    async def get(self, org_id: UUID) -> Organisation:
        """The organisation with this id; raises OrganisationNotFound."""

    async def save(self, organisation: Organisation) -> None:
        """Store name and revision."""

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
        """Give a member another role: a new revision."""

    async def remove(self, org_id: UUID, user_id: UUID) -> None:
        """Remove a member."""


class Invitations(Protocol):
    """Who was asked to join."""

    async def add(self, invitation: Invitation, digest: bytes) -> None:
        """Add one under the digest of its link's token."""

    async def find_by_digest(self, digest: bytes) -> Invitation | None:
        """The invitation whose link has this digest."""

    async def get_for_change(self, org_id: UUID, invitation_id: UUID) -> Invitation:
        """One invitation, locked until the transaction ends; raises InvitationNotFound."""

    async def is_invited(self, email: str, now: datetime) -> bool:
        """Whether any organisation waits for the person with this address."""

    async def open_of(self, org_id: UUID, email: str, now: datetime) -> Sequence[Invitation]:
        """The open invitations of an address, locked until the transaction ends."""

    async def save(self, invitation: Invitation) -> None:
        """Store when it was accepted or revoked."""

    async def page(
        self, org_id: UUID, page: PageRequest, status: InvitationStatus | None, now: datetime
    ) -> Sequence[Invitation]:
        """Invitations against the order of their ids, newest first; those of one status, or all."""


class Teams(Protocol):
    """Groups of members."""

    async def add(self, team: Team) -> None:
        """Add one; raises TeamSlugTaken."""

    async def get(self, org_id: UUID, wanted: str) -> Team:
        """The team with this id or slug; raises TeamNotFound."""

    async def save(self, team: Team) -> None:
        """Store name, description and revision."""

    async def remove(self, org_id: UUID, team_id: UUID) -> None:
        """Delete one."""

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[Team]:
        """Teams in the order of their ids."""

    async def existing(self, org_id: UUID, team_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Those of the ids that are teams' still."""

    async def of_member(self, org_id: UUID, user_id: UUID) -> Sequence[UUID]:
        """The teams a member is in."""

    async def add_member(self, org_id: UUID, team_id: UUID, user_id: UUID, at: datetime) -> bool:
        """Add a member of the organisation, as a new revision of the team; False for one who is in it already."""

    async def remove_member(self, org_id: UUID, team_id: UUID, user_id: UUID) -> bool:
        """Take a member out, as a new revision of the team; False for one who is not in it."""

    async def members(self, org_id: UUID, team_id: UUID, page: PageRequest) -> Sequence[Member]:
        """The team's members in the order of their ids."""
