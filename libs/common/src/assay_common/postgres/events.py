"""The event store, which is the transactional outbox too: one append-only table `events` in each schema.

Events and tasks (commands on `*.tasks` topics) are stored alike; only events of an aggregate carry its version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from google.protobuf.message import Message

from assay_common.errors import InvalidArgument
from assay_common.identity import current_principal
from assay_common.ids import new_id
from assay_common.logs import request_id
from assay_common.origin import origin
from assay_common.tracing import current_traceparent
from assay_protos.events import decode
from assay_protos.topic import Topic

MAX_EVENT_BYTES: Final = 900_000
"""Largest message stored: Kafka's default limit of 1 MiB a batch, less keys and headers."""

_INSERT = """
    INSERT INTO events (id, org_id, topic, key, aggregate_type, aggregate_id, aggregate_version, type, payload,
                        traceparent, request_id, actor, client_address, private_to)
    SELECT id, org_id, topic, key, aggregate_type, aggregate_id, aggregate_version, type, payload, $11, $12, $13, $14,
           private_to
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bigint[], $8::text[],
                $9::bytea[], $10::uuid[])
         WITH ORDINALITY
         AS new (id, org_id, topic, key, aggregate_type, aggregate_id, aggregate_version, type, payload, private_to,
                 place)
    ORDER BY place
"""

_HISTORY = """
    SELECT id, type, org_id, aggregate_id, aggregate_version, occurred_at, actor, payload
    FROM events
    WHERE aggregate_id = $1 AND aggregate_version > $2
    ORDER BY aggregate_version
    LIMIT $3
"""


class EventTooLarge(InvalidArgument):
    """The event would not fit into a Kafka record; keep large content elsewhere and refer to it."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, or a task to be done, to be stored and published.

    Raises ValueError when the topic is not described as carrying such a message.
    """

    topic: Topic
    message: Message
    org_id: UUID
    key: str
    """The record's key on Kafka: events of one key keep their order."""
    aggregate_type: str
    aggregate_id: UUID
    aggregate_version: int | None = None
    """The aggregate's version that this event made; two events cannot make the same. None for tasks."""
    private_to: UUID | None = None
    """The person or service account whose private thing this is about: beside them, only the organisation's owners and
    administrators may be told. None = everybody who may read such things."""

    def __post_init__(self) -> None:
        if self.type not in self.topic.messages:
            raise ValueError(f"topic {self.topic.name} does not carry {self.type}")

    @property
    def type(self) -> str:
        """The message's full protobuf name."""
        return self.message.DESCRIPTOR.full_name


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the store remembers it."""

    id: UUID
    type: str
    org_id: UUID
    aggregate_id: UUID
    aggregate_version: int | None
    occurred_at: datetime
    actor: UUID | None
    """Who caused it, when somebody was signed in."""
    message: Message


async def append(connection: asyncpg.Connection, events: Sequence[NewEvent]) -> None:
    """Store the events in their order by one statement, with the current trace, request and principal.

    Raises:
        EventTooLarge: a message is larger than MAX_EVENT_BYTES.
        asyncpg.UniqueViolationError: the aggregate already has an event of this version.
    """
    if not events:
        return
    payloads = [_payload(event) for event in events]
    caller = current_principal()
    await connection.execute(
        _INSERT,
        [new_id() for _ in events],
        [event.org_id for event in events],
        [event.topic.name for event in events],
        [event.key for event in events],
        [event.aggregate_type for event in events],
        [event.aggregate_id for event in events],
        [event.aggregate_version for event in events],
        [event.type for event in events],
        payloads,
        [event.private_to for event in events],
        current_traceparent(),
        request_id.get(),
        caller.subject if caller else None,
        origin().address or None,
    )


async def history(
    connection: asyncpg.Connection, aggregate_id: UUID, after: int = 0, limit: int = 100
) -> list[StoredEvent]:
    """List the aggregate's events with versions above `after`, oldest first, at most `limit`."""
    return [_stored(row) for row in await connection.fetch(_HISTORY, aggregate_id, after, limit)]


def _payload(event: NewEvent) -> bytes:
    payload = event.message.SerializeToString()
    if len(payload) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"{event.type} of {len(payload)} bytes; at most {MAX_EVENT_BYTES} fit", type=event.type)
    return payload


def _stored(row: asyncpg.Record) -> StoredEvent:
    return StoredEvent(
        id=row["id"],
        type=row["type"],
        org_id=row["org_id"],
        aggregate_id=row["aggregate_id"],
        aggregate_version=row["aggregate_version"],
        occurred_at=row["occurred_at"],
        actor=row["actor"],
        message=decode(row["type"], row["payload"]),
    )
