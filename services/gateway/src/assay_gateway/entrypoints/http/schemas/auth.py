"""Sessions, organisations, members and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay_gateway.entrypoints.http.schemas.base import Body, Moment, PageOf, Shown

Role = Literal["owner", "admin", "member", "viewer"]


class SignIn(Body):
    """An e-mail address and its password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.org", "password": "correct horse battery staple"}]}
    )

    email: str
    password: str
    organisation: Annotated[
        str | None, Field(description="Id or slug of the organisation to act in; absent = the only one, or none.")
    ] = None


class Refresh(Body):
    """A refresh token and, to change it, the organisation to act in from now on."""

    refresh_token: str
    organisation: Annotated[str | None, Field(description="Id or slug; absent = as before.")] = None


class Revoke(Body):
    """The session to close."""

    refresh_token: str


class Session(Shown):
    """An access token with the refresh token that renews it."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds.")]
    expires_at: datetime
    organisation_id: str | None
    refresh_token: str
    refresh_expires_at: datetime


class Jwk(Shown):
    """One public key (RFC 7517, RFC 8037)."""

    kty: str
    kid: str
    crv: str
    x: str


class Jwks(Shown):
    """The public keys that verify access tokens (RFC 7517)."""

    keys: list[Jwk]


class Organisation(Shown):
    """A tenant."""

    id: str
    slug: str
    name: str
    created_at: datetime | None


class NewOrganisation(Body):
    """The organisation to create; the caller becomes its owner."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"slug": "acme", "name": "Acme Ltd"}]})

    slug: Annotated[str, Field(description="Lower-case letters, digits and hyphens; unique in the installation.")]
    name: Annotated[str | None, Field(description="Absent = the slug.")] = None


class OrganisationPage(PageOf[Organisation]):
    """Organisations of the caller."""


class Identity(Shown):
    """The caller."""

    subject: Annotated[str, Field(description="Id of the user or of the API key.")]
    kind: Literal["user", "api_key"]
    email: str
    name: str
    organisation: Annotated[Organisation | None, Field(description="Null when the token names none.")]
    permissions: list[str]


class Member(Shown):
    """A person in an organisation."""

    user_id: str
    email: str
    name: str
    role: Role
    joined_at: datetime | None


class MemberPage(PageOf[Member]):
    """Members of the organisation."""


class NewMember(Body):
    """The person to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "grace@example.org", "name": "Grace", "role": "member"}]}
    )

    email: str
    role: Role
    name: str = ""
    password: Annotated[
        str | None, Field(description="Only for a person nobody knew before; at least 12 characters.")
    ] = None


class NewRole(Body):
    """The role that a member shall have."""

    role: Role


class ApiKey(Shown):
    """What is known of a key; never its secret."""

    id: str
    name: str
    prefix: Annotated[str, Field(description="The first characters of the key, to recognise it by.")]
    scopes: list[str]
    created_at: datetime | None
    expires_at: Annotated[datetime | None, Field(description="Null = never.")]
    revoked_at: datetime | None
    created_by: str


class ApiKeyPage(PageOf[ApiKey]):
    """API keys of the organisation."""


class NewApiKey(Body):
    """The key to create; its scopes must be among the creator's permissions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ci", "scopes": ["prompts:read"]}]})

    name: str
    scopes: list[str]
    expires_at: Annotated[Moment | None, Field(description="Absent = never.")] = None


class CreatedApiKey(Shown):
    """The key and, this once, its secret."""

    api_key: ApiKey
    secret: str
