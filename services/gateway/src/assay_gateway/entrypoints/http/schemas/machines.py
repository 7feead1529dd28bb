"""API keys and service accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay_gateway.entrypoints.http.schemas.base import Body, PageOf, Shown
from assay_gateway.entrypoints.http.schemas.words import (
    Description,
    Etag,
    GivenDescription,
    GivenName,
    GivenReference,
    GivenScope,
    Id,
    Moment,
    Name,
    Reference,
    Scope,
    UserId,
)

MachineRole = Literal["admin", "member", "viewer"]
MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60

KeyName = Annotated[Name, Field(examples=["ci"])]
GivenKeyName = Annotated[GivenName, Field(examples=["ci"])]
MachineName = Annotated[Name, Field(examples=["nightly-audits"])]
GivenMachineName = Annotated[GivenName, Field(examples=["nightly-audits"])]
Purpose = Annotated[Description, Field(examples=["Audits every repository at night"])]
GivenPurpose = Annotated[GivenDescription, Field(examples=["Audits every repository at night"])]


class ApiKey(Shown):
    """What is known of a key; never its secret."""

    id: Id
    name: KeyName
    prefix: Annotated[
        str, Field(description="The first characters of the key, to recognise it by.", examples=["assay_key_Xk3v"])
    ]
    scopes: list[Scope]
    created_at: datetime | None
    expires_at: Annotated[datetime | None, Field(description="Null = never.")]
    revoked_at: Annotated[datetime | None, Field(description="Null = not revoked.", examples=[None])]
    created_by: UserId
    prompts: Annotated[list[Reference], Field(description="The only prompts it may touch; empty = all.")]
    repositories: Annotated[
        list[Reference], Field(description="The only repositories it may touch; empty = all.", examples=[[]])
    ]
    service_account_id: Annotated[
        Id, Field(description="Whose it is; empty = the person's who created it.", examples=[""])
    ]
    last_used_at: Annotated[datetime | None, Field(description="Exact to a minute; null = never.")]
    rotated_from: Annotated[Id, Field(description="The key that this one replaces; empty = none.", examples=[""])]


class ApiKeyPage(PageOf[ApiKey]):
    """API keys of the organisation."""


class NewApiKey(Body):
    """The key to create; its scopes must be among the creator's permissions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "ci", "scopes": ["prompts:read"]},
                {"name": "triage-bot", "scopes": ["prompts:read"], "prompts": ["support-triage"]},
            ]
        }
    )

    name: GivenKeyName
    scopes: Annotated[list[GivenScope], Field(min_length=1, max_length=100)]
    expires_at: Annotated[Moment | None, Field(description="Absent = never.")] = None
    prompts: Annotated[
        list[GivenReference], Field(max_length=50, description="Ids or names of the only prompts; empty = all.")
    ] = Field(default_factory=list)
    repositories: Annotated[
        list[GivenReference], Field(max_length=50, description="Ids or names of the only repositories; empty = all.")
    ] = Field(default_factory=list)
    service_account_id: Annotated[
        str | None, Field(max_length=100, description="Whose it shall be; absent = the caller's own.")
    ] = None


class KeyRotation(Body):
    """How long the old secret works on."""

    overlap_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_OVERLAP_SECONDS,
            description="Absent = 24 hours. A key that expires sooner expires sooner.",
            examples=[3600],
        ),
    ] = None


class CreatedApiKey(Shown):
    """The key and, this once, its secret."""

    api_key: ApiKey
    secret: Annotated[str, Field(examples=["assay_key_Xk3vYt8mT1s0cJq2bR5uWz7nLh4gPe6dAoFiCxBvEyU0a1b2c"])]


class ServiceAccount(Shown):
    """A machine that is a member of the organisation; no person's leaving takes its keys away."""

    id: Id
    name: MachineName
    description: Purpose
    role: Annotated[MachineRole | None, Field(description="Its keys may do no more than that.", examples=["member"])]
    created_by: UserId
    created_at: datetime | None
    etag: Etag


class ServiceAccountPage(PageOf[ServiceAccount]):
    """Service accounts of the organisation."""


class NewServiceAccount(Body):
    """The service account to create."""

    name: GivenMachineName
    description: GivenPurpose = ""
    role: Annotated[MachineRole, Field(examples=["member"])]


class ServiceAccountChange(Body):
    """What shall change; what is absent stays."""

    name: GivenMachineName | None = None
    description: GivenPurpose | None = None
    role: Annotated[MachineRole | None, Field(examples=["viewer"])] = None
