"""Organisations, their members and teams, and invitations to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay_gateway.entrypoints.http.schemas.base import Body, PageOf, Shown
from assay_gateway.entrypoints.http.schemas.words import (
    Description,
    Email,
    Etag,
    GivenDescription,
    GivenEmail,
    GivenName,
    GivenSlug,
    GivenUserId,
    Id,
    LinkToken,
    Name,
    NewPassword,
    PersonName,
    Role,
    Slug,
    UserId,
)

InvitationStatus = Literal["open", "accepted", "revoked", "expired"]
TeamReference = Annotated[
    str, Field(min_length=1, max_length=100, description="Id or slug of a team.", examples=["reviewers"])
]


class Organisation(Shown):
    """A tenant."""

    id: Id
    slug: Slug
    name: Name
    created_at: datetime | None
    etag: Etag


class OrganisationPage(PageOf[Organisation]):
    """Organisations of the caller."""


class NewOrganisation(Body):
    """The organisation to create; the caller becomes its owner."""

    slug: GivenSlug
    name: Annotated[GivenName | None, Field(description="Absent = the slug.")] = None


class OrganisationChange(Body):
    """What shall change."""

    name: GivenName


class NewOwner(Body):
    """The member who becomes an owner."""

    user_id: GivenUserId


class Member(Shown):
    """A person in an organisation."""

    user_id: UserId
    email: Email
    name: PersonName
    role: Role
    joined_at: datetime | None
    etag: Etag


class MemberPage(PageOf[Member]):
    """Members."""


class NewMember(Body):
    """The person to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "grace@example.org", "name": "Grace Hopper", "role": "member"}]}
    )

    email: GivenEmail
    role: Role
    name: Annotated[str, Field(max_length=200)] = ""
    password: Annotated[NewPassword | None, Field(description="Only for a person nobody knew before.")] = None


class NewRole(Body):
    """The role that a member shall have."""

    role: Annotated[Role, Field(examples=["viewer"])]


class Team(Shown):
    """A group of members."""

    id: Id
    slug: Annotated[Slug, Field(description="Unique in the organisation.", examples=["reviewers"])]
    name: Annotated[Name, Field(examples=["Reviewers"])]
    description: Annotated[Description, Field(examples=["Look at every prompt before it goes out"])]
    member_count: int
    created_at: datetime | None
    etag: Etag


class TeamPage(PageOf[Team]):
    """Teams of the organisation."""


class NewTeam(Body):
    """The team to create."""

    slug: Annotated[GivenSlug, Field(examples=["reviewers"])]
    name: Annotated[GivenName | None, Field(description="Absent = the slug.", examples=["Reviewers"])] = None
    description: Annotated[GivenDescription, Field(examples=["Look at every prompt before it goes out"])] = ""


class TeamChange(Body):
    """What shall change; what is absent stays."""

    name: Annotated[GivenName | None, Field(examples=["Reviewers"])] = None
    description: Annotated[GivenDescription | None, Field(examples=["Look at every prompt before it goes out"])] = None


class Invitation(Shown):
    """An invitation; its secret goes by e-mail only."""

    id: Id
    email: Annotated[Email, Field(examples=["grace@example.org"])]
    role: Annotated[Role | None, Field(examples=["member"])]
    teams: Annotated[list[Id], Field(description="Ids of the teams to join.")]
    status: InvitationStatus | None
    invited_by: UserId
    created_at: datetime | None
    expires_at: datetime | None


class InvitationPage(PageOf[Invitation]):
    """Invitations of the organisation, newest first."""


class NewInvitation(Body):
    """Whom to invite."""

    email: Annotated[GivenEmail, Field(examples=["grace@example.org"])]
    role: Annotated[Role, Field(examples=["member"])]
    teams: Annotated[list[TeamReference], Field(max_length=50, description="Ids or slugs of teams to join.")] = Field(
        default_factory=list
    )


class InvitationLink(Body):
    """The token of an invitation's link."""

    token: LinkToken


class InvitationOffer(Shown):
    """What whoever holds the link may know."""

    organisation_name: Annotated[str, Field(examples=["Acme Ltd"])]
    organisation_slug: Annotated[str, Field(examples=["acme"])]
    email: Annotated[Email, Field(examples=["grace@example.org"])]
    role: Annotated[Role | None, Field(examples=["member"])]
    expires_at: datetime | None
