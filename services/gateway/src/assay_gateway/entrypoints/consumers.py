"""What the gateway does with the events of the services: forget what changed, and tell who listens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from google.protobuf.message import Message

from assay.audit.v1 import events_pb2 as audit
from assay.auth.v1 import events_pb2 as auth
from assay.evaluation.v1 import events_pb2 as evaluation
from assay.prompt.v1 import events_pb2 as prompt
from assay_common.kafka.delivery import Delivery
from assay_gateway.domain.feed import TOPICS, FeedEvent, Place
from assay_gateway.messages import Json, to_bytes, to_json
from assay_protos.topic import Topic
from assay_protos.topics import AUTH_EVENTS, PROMPT_EVENTS

if TYPE_CHECKING:
    from assay_gateway.application.authenticate import Authenticate
    from assay_gateway.application.live_feed import LiveFeed
    from assay_gateway.application.resolve_prompt import ResolvePrompt

OVERHEAD: Final = 1500
"""Bytes that an event takes while it is kept, beside its content."""
FORMS: Final = 6
"""How many times as long as its message an event is in all its forms together: fields, JSON, text."""

_NUMBERS: Final = {topic.name: number for number, topic in enumerate(TOPICS)}


@dataclass(frozen=True, slots=True)
class EventListener:
    """Takes every event of every `*.events` topic; an `EventSink`."""

    authenticate: Authenticate
    resolve_prompt: ResolvePrompt
    feed: LiveFeed

    def on_begin(self, topic: Topic, partition: int, position: int) -> None:
        """What was learnt before may be out of date."""
        self._distrust(topic)
        self.feed.begin(_NUMBERS[topic.name], partition, position)

    def on_loss(self, topic: Topic, partition: int, position: int) -> None:
        """Trust nothing that the lost events could have changed, and say so to who listens."""
        self._distrust(topic)
        self.feed.lose(_NUMBERS[topic.name], partition, position)

    def on_unreadable(self, topic: Topic) -> None:
        """Trust nothing that the event could have changed."""
        self._distrust(topic)

    def on_event(self, topic: Topic, delivery: Delivery) -> None:
        """Let caches forget what the event changed, then hand it to the live feeds."""
        match delivery.message:
            case (
                prompt.PromptCreated()
                | prompt.PromptUpdated()
                | prompt.VersionPublished()
                | prompt.LabelMoved()
                | prompt.LabelRemoved()
            ) as changed if delivery.event.org_id is not None:
                self.resolve_prompt.forget(delivery.event.org_id, changed.prompt_id)
            case _ if topic == AUTH_EVENTS:
                self._revoke(delivery)
        place = Place(_NUMBERS[topic.name], delivery.partition, delivery.offset)
        if delivery.event.org_id is None:
            self.feed.advance(place)
        else:
            self.feed.publish(_feed_event(delivery, delivery.event.org_id, place))

    def _revoke(self, delivery: Delivery) -> None:
        """Refuse from now on, on every connection, what auth has taken away."""
        match delivery.message:
            case auth.ApiKeyRevoked() as revoked:
                key = UUID(revoked.api_key_id)
                self.authenticate.forget_key(key)
                self.feed.revoke(key)
            case auth.ApiKeyRotated() as rotated:
                replaced = UUID(rotated.api_key_id)
                self.authenticate.forget_keys(lambda caller: caller.subject == replaced)
            case auth.SessionRevoked() as closed:
                session = UUID(closed.session_id)
                self.authenticate.end_session(session)
                self.feed.revoke(UUID(closed.user_id), lambda caller: caller.session_id == session)
            case auth.UserDeactivated() as left:
                self._close_account(UUID(left.user_id))
            case auth.ServiceAccountDeleted() as deleted:
                self._close_account(UUID(deleted.service_account_id))
            case auth.ServiceAccountUpdated() as updated:
                self._change_member(delivery, updated.service_account_id)
            case auth.MemberRoleChanged() as moved:
                self._change_member(delivery, moved.user_id)
            case auth.MemberRemoved() as gone:
                self._change_member(delivery, gone.user_id, removed=True)
            case auth.OwnershipTransferred() as handed:
                self._change_member(delivery, handed.from_user_id)
                self._change_member(delivery, handed.to_user_id)

    def _close_account(self, person: UUID) -> None:
        self.authenticate.close_account(person)
        self.feed.revoke(person)

    def _change_member(self, delivery: Delivery, member: str, *, removed: bool = False) -> None:
        org_id, person = delivery.event.org_id, UUID(member)
        if org_id is None:
            return
        self.authenticate.change_member(org_id, person, delivery.event.time, removed=removed)
        self.feed.revoke(person, lambda caller: caller.org_id == org_id)

    def _distrust(self, topic: Topic) -> None:
        if topic == PROMPT_EVENTS:
            self.resolve_prompt.forget_all()
        if topic == AUTH_EVENTS:
            self.authenticate.renew_all()


def _feed_event(delivery: Delivery, org_id: UUID, place: Place) -> FeedEvent:
    return FeedEvent(
        org_id=org_id,
        type=delivery.event.type,
        place=place,
        size=OVERHEAD + FORMS * delivery.message.ByteSize(),
        show=partial(_shown, delivery),
        write=to_bytes,
        private_to=delivery.event.private_to,
        prompt=_about_prompt(delivery.message),
        repository=_about_repository(delivery.message),
    )


def _shown(delivery: Delivery) -> Json:
    event = delivery.event
    return {
        "id": str(event.id),
        "type": event.type,
        "source": event.source,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "subject": event.subject,
        "data": to_json(delivery.message),
    }


_NOTHING: Final = frozenset[str]()


def _about_prompt(message: Message) -> frozenset[str]:
    """Id and name of the prompt that an event is about."""
    match message:
        case prompt.PromptCreated() | prompt.VersionPublished() | prompt.LabelMoved() | prompt.LabelRemoved():
            return frozenset((message.prompt_id, message.name))
        case prompt.PromptUpdated() | evaluation.ItemsMeasured():
            return frozenset((message.prompt_id,))
        case evaluation.RunCreated() | evaluation.RunCompleted() | evaluation.RunCancelled():
            return frozenset((message.run.prompt_id, message.run.prompt_name))
        case evaluation.ComparisonCreated():
            return frozenset((message.comparison.prompt_id, message.comparison.prompt_name))
        case evaluation.GateDecided():
            return frozenset((message.decision.prompt_id,))
        case _:
            return _NOTHING


def _about_repository(message: Message) -> frozenset[str]:
    """Id and name of the repository that an event is about."""
    match message:
        case audit.RepositoryCreated() | audit.RepositoryUpdated():
            return frozenset((message.repository_id, message.name))
        case audit.AuditStarted():
            return frozenset((message.repository_id, message.repository_name))
        case audit.RepositoryUrlChanged() | audit.AuditMeasured():
            return frozenset((message.repository_id,))
        case audit.AuditCompleted():
            return frozenset((message.audit.repository_id, message.audit.repository_name))
        case _:
            return _NOTHING
