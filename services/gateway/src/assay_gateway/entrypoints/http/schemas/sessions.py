"""Signing in, sessions, and who the caller is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay_gateway.entrypoints.http.schemas.base import Body, PageOf, Shown
from assay_gateway.entrypoints.http.schemas.organisations import Organisation
from assay_gateway.entrypoints.http.schemas.words import (
    GivenRefreshToken,
    Id,
    Name,
    OneTimeCode,
    Password,
    RefreshToken,
    Role,
    Scope,
)

OrganisationReference = Annotated[str, Field(max_length=100, examples=["acme"])]


class SignIn(Body):
    """An e-mail address and its password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"email": "ada@example.org", "password": "correct horse battery staple"},
                {
                    "email": "ada@example.org",
                    "password": "correct horse battery staple",
                    "organisation": "acme",
                    "one_time_code": "287082",
                },
            ]
        }
    )

    email: Annotated[str, Field(max_length=1_024)]
    password: Password
    organisation: Annotated[
        OrganisationReference | None,
        Field(description="Id or slug of the organisation to act in; absent = the only one, or none."),
    ] = None
    one_time_code: Annotated[
        OneTimeCode | None,
        Field(description="The second factor, for who has one; without it the reason is SECOND_FACTOR_NEEDED."),
    ] = None


class Refresh(Body):
    """A refresh token and, to change it, the organisation to act in from now on."""

    refresh_token: GivenRefreshToken
    organisation: Annotated[OrganisationReference | None, Field(description="Id or slug; absent = as before.")] = None


class Revoke(Body):
    """The session to close."""

    refresh_token: GivenRefreshToken


class OpenedSession(Shown):
    """An access token with the refresh token that renews it."""

    access_token: Annotated[
        str,
        Field(
            description="A signed JWT (RFC 7519); services verify it offline.",
            examples=["eyJhbGciOiJFZERTQSJ9.e30.c2ln"],
        ),
    ]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds.", examples=[600])]
    expires_at: datetime
    organisation_id: Id | None
    refresh_token: RefreshToken
    refresh_expires_at: datetime


class Session(Shown):
    """A session of a person."""

    id: Id
    method: Annotated[
        str,
        Field(description="`password`, `device`, or `sso:` and the provider's id.", examples=["password"]),
    ]
    user_agent: Annotated[
        str, Field(description="What the client called itself; empty = nothing.", examples=["assay-cli/0.1.0"])
    ]
    address: Annotated[
        str, Field(description="Network address it was opened from; empty = not known.", examples=["203.0.113.7"])
    ]
    organisation_id: Annotated[Id, Field(description="Empty = none chosen.")]
    created_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None
    current: Annotated[bool, Field(description="Whether the caller's own token belongs to it.")]


class SessionPage(PageOf[Session]):
    """Open sessions of the caller, newest first."""


class Jwk(Shown):
    """One public key (RFC 7517, RFC 8037)."""

    kty: Annotated[str, Field(examples=["OKP"])]
    kid: Annotated[str, Field(examples=["2026-03"])]
    crv: Annotated[str, Field(examples=["Ed25519"])]
    x: Annotated[str, Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])]


class Jwks(Shown):
    """The public keys that verify access tokens (RFC 7517)."""

    keys: list[Jwk]


class Identity(Shown):
    """The caller."""

    subject: Annotated[Id, Field(description="Id of the user or of the API key.")]
    kind: Literal["user", "api_key"]
    email: Annotated[str, Field(description="Empty for API keys.", examples=["ada@example.org"])]
    name: Annotated[Name, Field(description="Of the person or of the key.")]
    organisation: Annotated[Organisation | None, Field(description="Null when the token names none.")]
    permissions: list[Scope]
    role: Annotated[Role | None, Field(description="In the organisation; null without one.")]
    session_id: Annotated[Id, Field(description="Empty for API keys.")]
