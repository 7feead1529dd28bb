"""What auth does with everything that the services tell: it remembers who did what."""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from assay.auth.v1 import events_pb2
from assay_auth.application.audit_trail.record_fact import RecordFact
from assay_auth.domain.audit_trail import ActorKind, Fact
from assay_common.kafka.delivery import Delivery

MAX_DATA_BYTES: Final = 16 * 1024
"""Of a larger event only the plain fields are kept; the service that told it has the rest."""

_OF_PERSONS: Final = (
    events_pb2.UserSignedUp,
    events_pb2.EmailVerified,
    events_pb2.SessionOpened,
    events_pb2.SessionRevoked,
    events_pb2.SignInFailed,
    events_pb2.PasswordChanged,
    events_pb2.SecondFactorChanged,
    events_pb2.IdentityLinked,
    events_pb2.UserDeactivated,
)


@dataclass(frozen=True, slots=True)
class AuditedEvents:
    """Handles every `*.events` topic: what somebody did is kept, what the machinery goes on to do is not."""

    record: RecordFact

    async def __call__(self, delivery: Delivery) -> None:
        """Record the event, once however often it is delivered."""
        message, org_id = delivery.message, delivery.event.org_id
        if isinstance(message, _OF_PERSONS):
            await self.record.of_person(UUID(message.user_id), _fact(delivery, _actor_of(delivery, message)))
        elif org_id is not None and delivery.event.actor is not None:
            await self.record.in_organisation(org_id, _fact(delivery, UUID(delivery.event.actor)))


def _actor_of(delivery: Delivery, message: Any) -> UUID | None:
    """Who did it: whoever was signed in, else the person, unless it was somebody who failed to be that person."""
    if delivery.event.actor is not None:
        return UUID(delivery.event.actor)
    return None if isinstance(message, events_pb2.SignInFailed) else UUID(message.user_id)


def _fact(delivery: Delivery, actor: UUID | None) -> Fact:
    event = delivery.event
    return Fact(
        id=event.id,
        occurred_at=event.time,
        actor=actor,
        actor_kind=ActorKind.SYSTEM,
        action=event.type,
        target=event.subject,
        address=event.client_address or "",
        request_id=event.request_id or "",
        data=_data(delivery.message),
    )


def _data(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    if len(json.dumps(data)) <= MAX_DATA_BYTES:
        return data
    return {name: value for name, value in data.items() if not isinstance(value, dict | list)} | {"shortened": True}
