"""Who may see and change a prompt or a dataset: the one place that decides it.

This comes beside the permission of the RPC: a viewer has no permission to write, whatever is said here.
"""

from enum import StrEnum
from typing import Final
from uuid import UUID

from assay_common.identity import Principal


class Visibility(StrEnum):
    """How widely a thing is shared."""

    PRIVATE = "private"
    ORGANISATION = "organisation"
    PUBLIC = "public"


class Action(StrEnum):
    """What somebody wants to do with it."""

    READ = "read"
    WRITE = "write"
    """Change it, or add to it."""
    SHARE = "share"
    """Make it private, or the organisation's."""
    PUBLISH = "publish"
    """Make it public, which shows it to other organisations."""


class Relation(StrEnum):
    """What somebody is to it; one can be several."""

    OUTSIDER = "outsider"
    """Signed in, but acting in another organisation or in none."""
    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"
    CREATOR = "creator"
    """Created it, and is in its organisation still."""


_ADMINS: Final = frozenset({Relation.ADMIN, Relation.OWNER})
_INVOLVED: Final = _ADMINS | {Relation.CREATOR}
_WORKING: Final = _ADMINS | {Relation.MEMBER}
_INSIDE: Final = _WORKING | {Relation.VIEWER}

_ALLOWED: Final[dict[Visibility, dict[Action, frozenset[Relation]]]] = {
    Visibility.PRIVATE: {
        Action.READ: _INVOLVED,
        Action.WRITE: _INVOLVED,
        Action.SHARE: _INVOLVED,
        Action.PUBLISH: _ADMINS,
    },
    Visibility.ORGANISATION: {
        Action.READ: _INSIDE,
        Action.WRITE: _WORKING,
        Action.SHARE: _INVOLVED,
        Action.PUBLISH: _ADMINS,
    },
    Visibility.PUBLIC: {
        Action.READ: frozenset(Relation),
        Action.WRITE: _WORKING,
        Action.SHARE: _ADMINS,
        Action.PUBLISH: _ADMINS,
    },
}


def may(relations: frozenset[Relation], action: Action, visibility: Visibility) -> bool:
    """Whether somebody who stands so to a thing of this visibility may do this."""
    return not _ALLOWED[visibility][action].isdisjoint(relations)


def may_show(relations: frozenset[Relation], now: Visibility, then: Visibility) -> bool:
    """Whether somebody who stands so to a thing may change its visibility; a new thing is as if it were private."""
    return then is now or may(relations, Action.PUBLISH if then is Visibility.PUBLIC else Action.SHARE, now)


def relations_of(caller: Principal, org_id: UUID, created_by: UUID) -> frozenset[Relation]:
    """What the caller is to a thing of this organisation that this person or service account has created."""
    if caller.org_id != org_id:
        return frozenset({Relation.OUTSIDER})
    role = Relation(caller.role or Relation.VIEWER)
    created = created_by in (caller.acts_for, caller.subject)
    return frozenset({role, Relation.CREATOR}) if created else frozenset({role})
