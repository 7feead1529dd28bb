"""Single sign-on, and signing in on another device (RFC 8628)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from assay_gateway.entrypoints.http.schemas.base import Body, Shown
from assay_gateway.entrypoints.http.schemas.sessions import OrganisationReference
from assay_gateway.entrypoints.http.schemas.words import Id, RefreshToken


class Provider(Shown):
    """An OpenID Connect provider."""

    id: Annotated[str, Field(description="Short name in addresses.", examples=["acme-id"])]
    name: Annotated[str, Field(description="For people.", examples=["Acme ID"])]


class ProviderList(Shown):
    """The providers to choose from, in the order of the settings."""

    items: list[Provider]


class DeviceRequest(Shown):
    """A device that waits."""

    user_code: Annotated[str, Field(examples=["WDJB-MJHT"])]
    client_name: Annotated[str, Field(examples=["assay on laptop-17"])]
    address: Annotated[str, Field(description="Network address that asked.", examples=["203.0.113.7"])]
    requested_at: datetime | None
    expires_at: datetime | None


class DeviceApproval(Body):
    """Where the device shall act."""

    organisation: Annotated[
        OrganisationReference | None, Field(description="Id or slug; absent = that of the caller's token.")
    ] = None


class DeviceAuthorization(Shown):
    """The codes of a device (RFC 8628, section 3.2)."""

    device_code: Annotated[
        str, Field(description="For the device only.", examples=["GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"])
    ]
    user_code: Annotated[str, Field(description="For people.", examples=["WDJB-MJHT"])]
    verification_uri: Annotated[str, Field(examples=["https://assay.example.org/device"])]
    verification_uri_complete: Annotated[str, Field(examples=["https://assay.example.org/device?user_code=WDJB-MJHT"])]
    expires_in: Annotated[int, Field(description="Seconds.", examples=[600])]
    interval: Annotated[int, Field(description="Seconds to wait between two polls.", examples=[5])]


class OAuthTokens(Shown):
    """A successful answer (RFC 6749, section 5.1)."""

    access_token: Annotated[str, Field(examples=["eyJhbGciOiJFZERTQSJ9.e30.c2ln"])]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds.", examples=[600])]
    refresh_token: RefreshToken
    organisation_id: Id | None


class OAuthError(Shown):
    """A refusal (RFC 6749, section 5.2; RFC 8628, section 3.5)."""

    error: Annotated[str, Field(examples=["authorization_pending"])]
    error_description: Annotated[str, Field(examples=["nobody has approved the device yet"])]
