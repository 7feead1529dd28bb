"""The words that bodies and answers are made of: what they mean and what they look like.

Those that begin with `Given` have the limits that the services set: they are for bodies, answers are never refused.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

RESOURCE_NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,99}$"
LABEL_NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,49}$"
SLUG: Final = r"^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$"
COMMIT: Final = r"^[0-9a-f]{40}$"
NO_CONTROL: Final = r"^[^\x00-\x1f\x7f]*$"

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 128

Id = Annotated[str, Field(description="UUID.", examples=["0199f3d2-8b1e-7c4a-9d35-2f6c1e7a8b90"])]
UserId = Annotated[
    str, Field(description="UUID of a person or service account.", examples=["0199f3d2-7a10-7e0c-8d55-6a1b5c3d2e1f"])
]
Etag = Annotated[
    str,
    Field(description="Changes with every change; `If-Match` names it. The header `ETag` has it too.", examples=["3"]),
]
Digest = Annotated[
    str,
    Field(examples=["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]),
]
Text = Annotated[str, Field(examples=[""])]

ResourceName = Annotated[
    str,
    Field(description="Unique in the organisation; must not look like an id.", examples=["support-triage"]),
]
Description = Annotated[str, Field(examples=["Sorts messages to the support desk"])]
LabelName = Annotated[str, Field(examples=["production"])]
Reference = Annotated[str, Field(description="Id or name.", examples=["support-triage"])]
Commit = Annotated[str, Field(description="A full commit id.", examples=["c0ffee254729296a45a3885639ac7e10f9d54979"])]
Slug = Annotated[
    str,
    Field(
        description="2 to 63 lower-case letters, digits and inner hyphens; must not look like an id.",
        examples=["acme"],
    ),
]
PersonName = Annotated[str, Field(examples=["Ada Lovelace"])]
Name = Annotated[str, Field(examples=["Acme Ltd"])]
Email = Annotated[str, Field(examples=["ada@example.org"])]

GivenId = Annotated[Id, Field(min_length=1, max_length=100)]
GivenUserId = Annotated[UserId, Field(min_length=1, max_length=100)]
GivenResourceName = Annotated[ResourceName, Field(pattern=RESOURCE_NAME)]
GivenDescription = Annotated[Description, Field(max_length=2_000)]
GivenLabelName = Annotated[LabelName, Field(pattern=LABEL_NAME)]
GivenReference = Annotated[Reference, Field(min_length=1, max_length=100)]
GivenCommit = Annotated[Commit, Field(pattern=COMMIT)]
GivenSlug = Annotated[Slug, Field(pattern=SLUG)]
GivenPersonName = Annotated[PersonName, Field(min_length=1, max_length=200, pattern=NO_CONTROL)]
GivenName = Annotated[Name, Field(min_length=1, max_length=200, pattern=NO_CONTROL)]
GivenEmail = Annotated[Email, Field(min_length=3, max_length=254, json_schema_extra={"format": "email"})]

Password = Annotated[
    str,
    Field(
        max_length=1_024,
        description="The password as it is.",
        examples=["correct horse battery staple"],
        json_schema_extra={"format": "password"},
    ),
]
NewPassword = Annotated[
    str,
    Field(
        min_length=MIN_PASSWORD,
        max_length=MAX_PASSWORD,
        description="12 to 128 characters, and none of the common ones (NIST SP 800-63B).",
        examples=["correct horse battery staple"],
        json_schema_extra={"format": "password"},
    ),
]
OneTimeCode = Annotated[
    str,
    Field(max_length=64, description="Six digits of the authenticator, or a recovery code.", examples=["287082"]),
]
TotpCode = Annotated[
    str,
    Field(min_length=6, max_length=12, description="Six digits of the authenticator.", examples=["287082"]),
]
LinkToken = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        description="The token of the link that came by e-mail.",
        examples=["Xk3vYt8mT1s0cJq2bR5uWz7nLh4gPe6dAoFiCxBvEyU"],
    ),
]
RefreshToken = Annotated[
    str, Field(description="Works once; using it twice closes the session.", examples=["assay_refresh_5hV0dJx2nT"])
]
GivenRefreshToken = Annotated[RefreshToken, Field(min_length=1, max_length=512)]
Scope = Annotated[str, Field(description="A permission.", examples=["prompts:read"])]
GivenScope = Annotated[Scope, Field(max_length=100)]

Role = Literal["owner", "admin", "member", "viewer"]
Visibility = Literal["private", "organisation", "public"]
VISIBILITY: Final = "Who may see it: its creator and the administrators, the organisation, or everybody signed in."

VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]
Moment = Annotated[AwareDatetime, Field(strict=False)]
"""An RFC 3339 time with its offset."""
