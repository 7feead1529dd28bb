"""The live feed: one event as clients see it, and who may see it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

_NEEDED: dict[str, str] = {
    "assay.prompt.": "prompts:read",
    "assay.evaluation.v1.Dataset": "datasets:read",
    "assay.evaluation.": "evaluations:read",
    "assay.audit.v1.Repository": "repositories:read",
    "assay.audit.": "audits:read",
    "assay.auth.v1.ApiKey": "api-keys:read",
    "assay.auth.v1.Organisation": "organisations:read",
    "assay.auth.": "members:read",
}
"""The permission that reading the same fact by request would need, by the start of the type; the longest counts."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event of one organisation, ready to be sent."""

    org_id: UUID
    type: str
    """Full protobuf name of the message."""
    text: str
    """The JSON text that goes over the wire."""


def permission_to_see(event_type: str) -> str | None:
    """The permission that a listener needs; None for an event that nobody may see by this way."""
    starts = [start for start in _NEEDED if event_type.startswith(start)]
    return _NEEDED[max(starts, key=len)] if starts else None


def may_see(event: FeedEvent, org_id: UUID, permissions: AbstractSet[str]) -> bool:
    """Whether a listener of `org_id` with these permissions may be told of `event`."""
    return event.org_id == org_id and permission_to_see(event.type) in permissions
