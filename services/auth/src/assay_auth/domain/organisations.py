"""Organisations, and which of their own a person acts in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from assay_auth.domain.errors import OrganisationNotFound
from assay_auth.domain.roles import Role
from assay_auth.domain.text import name_violations, parsed_id, refuse, slug_violations


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant."""

    id: UUID
    slug: str
    name: str
    created_at: datetime
    revision: int = 1

    @property
    def etag(self) -> str:
        """Names this state of the organisation."""
        return str(self.revision)

    def renamed(self, name: str) -> "Organisation":
        """The organisation under another name, as a new revision; raises InvalidArgument."""
        refuse(*name_violations("name", name))
        return replace(self, name=name.strip(), revision=self.revision + 1)


@dataclass(frozen=True, slots=True)
class Membership:
    """One of the organisations that a person is in."""

    org_id: UUID
    slug: str
    role: Role


def found_organisation(org_id: UUID, slug: str, name: str, at: datetime) -> Organisation:
    """A new organisation, named by its slug unless it has a name; raises InvalidArgument."""
    refuse(*slug_violations("slug", slug), *name_violations("name", name, required=False))
    return Organisation(org_id, slug, name.strip() or slug, at)


def chosen(memberships: Sequence[Membership], organisation: str) -> Membership | None:
    """The membership to act in: of the organisation with this id or slug; when none is named, the only one, if any.

    Raises OrganisationNotFound when the person is in no organisation of that id or slug.
    """
    if not organisation:
        return memberships[0] if len(memberships) == 1 else None
    org_id = parsed_id(organisation)
    for membership in memberships:
        if membership.org_id == org_id or membership.slug == organisation:
            return membership
    raise OrganisationNotFound("you are not a member of this organisation")


def continued(memberships: Sequence[Membership], org_id: UUID | None) -> Membership | None:
    """The membership a session goes on in: that of its organisation, or none where the person has left it."""
    return next((membership for membership in memberships if membership.org_id == org_id), None)
