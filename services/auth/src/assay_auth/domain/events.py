"""What happened, for others to know: facts of an organisation."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from assay_auth.domain.roles import Role


@dataclass(frozen=True, slots=True)
class OrganisationCreated:
    """An organisation was founded."""

    org_id: UUID
    slug: str
    name: str
    owner_id: UUID


@dataclass(frozen=True, slots=True)
class MemberAdded:
    """A person became a member."""

    org_id: UUID
    user_id: UUID
    role: Role


@dataclass(frozen=True, slots=True)
class MemberRoleChanged:
    """A member has another role."""

    org_id: UUID
    user_id: UUID
    role: Role


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    """A person is a member no longer."""

    org_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class ApiKeyCreated:
    """A key was created."""

    org_id: UUID
    api_key_id: UUID
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked:
    """A key stopped working."""

    org_id: UUID
    api_key_id: UUID


Event: TypeAlias = OrganisationCreated | MemberAdded | MemberRoleChanged | MemberRemoved | ApiKeyCreated | ApiKeyRevoked
