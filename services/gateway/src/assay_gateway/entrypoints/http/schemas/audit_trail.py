"""Who did what to what, from where."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from assay_gateway.entrypoints.http.schemas.base import PageOf, Shown
from assay_gateway.entrypoints.http.schemas.words import Id, UserId

_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class AuditEntry(Shown):
    """One thing that somebody did."""

    sequence: Annotated[int, Field(description="1, 2, 3 … within the organisation, without gaps.", examples=[41])]
    id: Id
    occurred_at: datetime | None
    actor: Annotated[
        UserId, Field(description="Id of the person, service account or API key; empty = the installation itself.")
    ]
    actor_kind: Annotated[str, Field(description="`user`, `api_key` or `system`.", examples=["user"])]
    action: Annotated[str, Field(description="Name of the event.", examples=["assay.prompt.v1.LabelMoved"])]
    target_kind: Annotated[str, Field(description="What kind of thing.", examples=["prompt"])]
    target: Annotated[str, Field(examples=["0199f3d2-8b1e-7c4a-9d35-2f6c1e7a8b90"])]
    address: Annotated[str, Field(description="Of the client; empty = not known.", examples=["203.0.113.7"])]
    request_id: Annotated[str, Field(examples=["0199f3d28b1e7c4a9d352f6c1e7a8b90"])]
    data: Annotated[
        dict[str, Any] | None,
        Field(description="The event's fields.", examples=[{"label": "production", "version": 2}]),
    ]
    hash: Annotated[
        str, Field(description="SHA-256, hex: over the entry and the hash of the one before.", examples=[_HASH])
    ]


class AuditEntryPage(PageOf[AuditEntry]):
    """Entries of the organisation's audit trail, newest first."""


class TrailVerification(Shown):
    """What computing the chain anew found."""

    intact: bool
    entries: Annotated[int, Field(description="How many were looked at.", examples=[41])]
    first_broken: Annotated[
        int, Field(description="Sequence of the first entry that is wrong or missing; 0 = none.", examples=[0])
    ]
    problem: Annotated[str, Field(description="`changed`, `missing` or `truncated`; empty = intact.", examples=[""])]
    head_hash: Annotated[
        str,
        Field(
            description="Hash of the newest entry, to be kept elsewhere if one wants to notice a rewritten chain.",
            examples=[_HASH],
        ),
    ]
