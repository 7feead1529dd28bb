"""Accounts of people: signing up, passwords, the second factor."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from assay_gateway.entrypoints.http.schemas.base import Body, Shown
from assay_gateway.entrypoints.http.schemas.words import (
    Email,
    Etag,
    GivenEmail,
    GivenPersonName,
    Id,
    LinkToken,
    NewPassword,
    OneTimeCode,
    Password,
    PersonName,
    TotpCode,
)


class Accepted(Shown):
    """Taken on. What follows comes by e-mail; the answer is the same whether the address is known or not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class SignUp(Body):
    """The person to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"email": "ada@example.org", "name": "Ada Lovelace", "password": "correct horse battery staple"}
            ]
        }
    )

    email: GivenEmail
    name: GivenPersonName
    password: NewPassword
    invitation_token: Annotated[
        LinkToken | None,
        Field(description="Of an invitation's link; needed where only invited people may sign up."),
    ] = None


class EmailLink(Body):
    """The token of a link that verifies an address."""

    token: LinkToken


class AccountAddress(Body):
    """The address of an account."""

    email: GivenEmail


class PasswordReset(Body):
    """The token of a resetting link, and the new password."""

    token: LinkToken
    new_password: NewPassword


class PasswordChange(Body):
    """The password as it is, and as it shall be."""

    current_password: Password
    new_password: NewPassword


class Account(Shown):
    """A person as they see themselves."""

    id: Id
    email: Email
    name: PersonName
    email_verified: bool
    second_factor: Annotated[bool, Field(description="Whether signing in needs a code.")]
    has_password: Annotated[bool, Field(description="False for who signs in by single sign-on only.")]
    recovery_codes: Annotated[int, Field(description="How many are left.", examples=[10])]
    created_at: datetime | None
    etag: Etag


class AccountChange(Body):
    """What shall change."""

    name: GivenPersonName


class Deactivation(Body):
    """The password, and the second factor where there is one: an open screen does not do."""

    password: Annotated[Password | None, Field(description="Absent for an account without one.")] = None
    one_time_code: OneTimeCode | None = None


class TotpEnrolment(Shown):
    """What an authenticator needs; it counts once a code confirmed it."""

    secret: Annotated[str, Field(description="Base32 (RFC 4648).", examples=["JBSWY3DPEHPK3PXP"])]
    otpauth_uri: Annotated[
        str,
        Field(
            description="What QR codes hold.",
            examples=["otpauth://totp/Assay:ada@example.org?secret=JBSWY3DPEHPK3PXP&issuer=Assay"],
        ),
    ]


class TotpConfirmation(Body):
    """Six digits of the authenticator."""

    code: TotpCode


class SecondFactorProof(Body):
    """The second factor as it is."""

    code: Annotated[OneTimeCode, Field(min_length=6)]


class RecoveryCodes(Shown):
    """Codes that each stand in once for the authenticator; shown this once."""

    codes: Annotated[list[str], Field(examples=[["f7kq-2mzd", "p9xw-4hnc"]])]
