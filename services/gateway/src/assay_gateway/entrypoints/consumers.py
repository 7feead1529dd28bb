"""What the gateway does with the events of the services: forget what changed, and tell who listens."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from assay.auth.v1.events_pb2 import ApiKeyRevoked, MemberRemoved
from assay.prompt.v1.events_pb2 import LabelMoved, LabelRemoved, PromptCreated, VersionPublished
from assay_common.kafka.delivery import Delivery
from assay_gateway.domain.feed import FeedEvent
from assay_gateway.messages import to_bytes, to_json
from assay_protos.topics import AUTH_EVENTS, PROMPT_EVENTS

if TYPE_CHECKING:
    from assay_gateway.application.authenticate import Authenticate
    from assay_gateway.application.live_feed import LiveFeed
    from assay_gateway.application.resolve_prompt import ResolvePrompt


@dataclass(frozen=True, slots=True)
class EventListener:
    """Takes every event of every `*.events` topic."""

    authenticate: Authenticate
    resolve_prompt: ResolvePrompt
    feed: LiveFeed

    def on_event(self, delivery: Delivery) -> None:
        """Let caches forget what the event changed, then hand it to the live feeds."""
        org_id = delivery.event.org_id
        match delivery.message:
            case PromptCreated() | VersionPublished() | LabelMoved() | LabelRemoved() as changed if org_id is not None:
                self.resolve_prompt.forget(org_id, changed.prompt_id)
            case ApiKeyRevoked() as revoked if org_id is not None:
                self.authenticate.forget_key(UUID(revoked.api_key_id))
                self.feed.revoke(org_id, UUID(revoked.api_key_id))
            case MemberRemoved() as removed if org_id is not None:
                self.authenticate.forget_member(org_id, UUID(removed.user_id), delivery.event.time)
                self.feed.revoke(org_id, UUID(removed.user_id))
        if org_id is not None and self.feed.has_listeners(org_id):
            self.feed.publish(FeedEvent(org_id, delivery.event.type, _text(delivery)))

    def on_gap(self, topics: Collection[str]) -> None:
        """Events of these topics may have been missed: trust nothing that they could have changed."""
        if PROMPT_EVENTS.name in topics:
            self.resolve_prompt.forget_all()
        if AUTH_EVENTS.name in topics:
            self.authenticate.renew_all()


def _text(delivery: Delivery) -> str:
    event = delivery.event
    shown = {
        "id": str(event.id),
        "type": event.type,
        "source": event.source,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "subject": event.subject,
        "data": to_json(delivery.message),
    }
    return to_bytes({"type": "event", "event": shown}).decode()
