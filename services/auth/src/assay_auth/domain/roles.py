"""Roles, and the one place that says what each of them may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MEMBERS_WRITE: Final = "members:write"
API_KEYS_WRITE: Final = "api-keys:write"
TEAMS_WRITE: Final = "teams:write"
SERVICE_ACCOUNTS_WRITE: Final = "service-accounts:write"
ORGANISATIONS_WRITE: Final = "organisations:write"

_WRITTEN_BY_MEMBERS: Final = frozenset(
    f"{thing}:write" for thing in ("prompts", "labels", "datasets", "evaluations", "repositories", "audits")
)
_HIDDEN_FROM_MEMBERS: Final = frozenset({"audit-trail:read"})
_HIDDEN_FROM_VIEWERS: Final = frozenset({"api-keys:read", "members:read", "service-accounts:read", "teams:read"})


class Role(StrEnum):
    """What a member is to the organisation."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"

    def exceeds(self, other: "Role") -> bool:
        """Whether this role is above the other; a role's permissions include those of the roles below it."""
        return _ORDER.index(self) < _ORDER.index(other)


_ORDER: Final = tuple(Role)


@dataclass(frozen=True, slots=True)
class PermissionModel:
    """The permissions of each role, out of the `catalogue` of all that exist.

    Owners and administrators may do everything (an administrator cannot touch owners, see `members`); members read
    everything but the audit trail, and write what the daily work is about; viewers read, except who and which machines
    are in the organisation: members, teams, service accounts and API keys.
    """

    catalogue: frozenset[str]

    def of(self, role: Role) -> frozenset[str]:
        """The permissions of a role."""
        match role:
            case Role.OWNER | Role.ADMIN:
                return self.catalogue
            case Role.MEMBER:
                return self._reading | (self.catalogue & _WRITTEN_BY_MEMBERS)
            case Role.VIEWER:
                return self._reading - _HIDDEN_FROM_VIEWERS

    @property
    def _reading(self) -> frozenset[str]:
        reading = frozenset(permission for permission in self.catalogue if permission.endswith(":read"))
        return reading - _HIDDEN_FROM_MEMBERS
