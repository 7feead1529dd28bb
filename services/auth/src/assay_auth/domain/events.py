"""What happened, for others to know: facts of an organisation."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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


@dataclass(frozen=True, slots=True)
class ApiKeyRotated:
    """A key was replaced by another with the same rights; the old one ends at the time given."""

    org_id: UUID
    api_key_id: UUID
    replaced_by: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OrganisationUpdated:
    """The organisation has another name."""

    org_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class OwnershipTransferred:
    """A member handed the ownership over."""

    org_id: UUID
    from_user_id: UUID
    to_user_id: UUID


@dataclass(frozen=True, slots=True)
class InvitationCreated:
    """Somebody was asked to join."""

    org_id: UUID
    invitation_id: UUID
    email: str
    role: Role


@dataclass(frozen=True, slots=True)
class InvitationRevoked:
    """An invitation was taken back."""

    org_id: UUID
    invitation_id: UUID


@dataclass(frozen=True, slots=True)
class InvitationAccepted:
    """An invitation was taken up."""

    org_id: UUID
    invitation_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class TeamCreated:
    """A team was created."""

    org_id: UUID
    team_id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class TeamUpdated:
    """A team has another name or description."""

    org_id: UUID
    team_id: UUID
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class TeamDeleted:
    """A team exists no longer."""

    org_id: UUID
    team_id: UUID


@dataclass(frozen=True, slots=True)
class TeamMemberAdded:
    """A member joined a team."""

    org_id: UUID
    team_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class TeamMemberRemoved:
    """A member left a team."""

    org_id: UUID
    team_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class ServiceAccountCreated:
    """A service account was created."""

    org_id: UUID
    service_account_id: UUID
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class ServiceAccountUpdated:
    """A service account was changed."""

    org_id: UUID
    service_account_id: UUID
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class ServiceAccountDeleted:
    """A service account exists no longer."""

    org_id: UUID
    service_account_id: UUID


class RevocationReason(StrEnum):
    """Why a session was closed."""

    SIGNED_OUT = "signed_out"
    REVOKED = "revoked"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    ACCOUNT_DEACTIVATED = "account_deactivated"


class FailureReason(StrEnum):
    """Why somebody could not sign in."""

    PASSWORD = "password"  # noqa: S105
    SECOND_FACTOR = "second_factor"
    THROTTLED = "throttled"


class OfPerson:
    """An event of a person, who belongs to no organisation: the person's id stands in its place."""

    __slots__ = ()
    user_id: UUID

    @property
    def org_id(self) -> UUID:
        """The person's id."""
        return self.user_id


@dataclass(frozen=True, slots=True)
class UserSignedUp(OfPerson):
    """A person was created."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class EmailVerified(OfPerson):
    """A person's address is verified."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class PasswordChanged(OfPerson):
    """A person has another password."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class SecondFactorChanged(OfPerson):
    """A person turned their second factor on or off."""

    user_id: UUID
    enabled: bool


@dataclass(frozen=True, slots=True)
class SignInFailed(OfPerson):
    """Somebody could not sign in to an account that exists."""

    user_id: UUID
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class UserDeactivated(OfPerson):
    """A person's account is closed: all their tokens hold no longer."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class SessionOpened(OfPerson):
    """A session was opened."""

    user_id: UUID
    session_id: UUID
    method: str


@dataclass(frozen=True, slots=True)
class SessionRevoked(OfPerson):
    """A session was closed: its access tokens hold no longer."""

    user_id: UUID
    session_id: UUID
    reason: RevocationReason


@dataclass(frozen=True, slots=True)
class IdentityLinked(OfPerson):
    """A person's account was joined to one of a provider."""

    user_id: UUID
    provider: str


KeyEvent: TypeAlias = ApiKeyCreated | ApiKeyRevoked | ApiKeyRotated
OrganisationEvent: TypeAlias = (
    OrganisationCreated | OrganisationUpdated | OwnershipTransferred | MemberAdded | MemberRoleChanged | MemberRemoved
)
InvitationEvent: TypeAlias = InvitationCreated | InvitationRevoked | InvitationAccepted
TeamEvent: TypeAlias = TeamCreated | TeamUpdated | TeamDeleted | TeamMemberAdded | TeamMemberRemoved
ServiceAccountEvent: TypeAlias = ServiceAccountCreated | ServiceAccountUpdated | ServiceAccountDeleted
PersonEvent: TypeAlias = (
    UserSignedUp
    | EmailVerified
    | PasswordChanged
    | SecondFactorChanged
    | SignInFailed
    | IdentityLinked
    | UserDeactivated
)
SessionEvent: TypeAlias = SessionOpened | SessionRevoked
Event: TypeAlias = (
    OrganisationEvent | KeyEvent | InvitationEvent | TeamEvent | ServiceAccountEvent | PersonEvent | SessionEvent
)
