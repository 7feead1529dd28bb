"""Events as protobuf messages in the event store.

The events of an organisation and its members are versions of the organisation; those of a key, an invitation, a team
or a service account are versions of it. All are keyed by the organisation, so that they arrive in order. Those of a
person or a session are keyed by the person.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from assay.auth.v1 import events_pb2, organisations_pb2
from assay_auth.domain import events
from assay_auth.domain.roles import Role
from assay_common.postgres.events import NewEvent
from assay_common.postgres.unit_of_work import TenantTransaction
from assay_protos.topics import AUTH_EVENTS

_ROLES: Final = {
    Role.OWNER: organisations_pb2.ROLE_OWNER,
    Role.ADMIN: organisations_pb2.ROLE_ADMIN,
    Role.MEMBER: organisations_pb2.ROLE_MEMBER,
    Role.VIEWER: organisations_pb2.ROLE_VIEWER,
}
_ORGANISATION: Final = "organisation"
_PERSON: Final = "user"
_AGGREGATES: Final = ("api_key", "invitation", "team", "service_account", "session")
"""What has a history of its own, and is named by the field `…_id` of its events."""
_ORGANISATION_FIELD: Final = "organisation_id"
_FIELDS: Final = {"org_id": _ORGANISATION_FIELD}

_NEXT_VERSIONS = "UPDATE organisations SET version = version + $2 WHERE org_id = $1 RETURNING version - $2"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))"
_LAST_VERSIONS = """
    SELECT aggregate_id, max(aggregate_version) AS version
    FROM events
    WHERE aggregate_id = ANY ($1)
    GROUP BY aggregate_id
"""


async def record(tx: TenantTransaction, happened: Sequence[events.Event]) -> None:
    """Store the events in their order."""
    aggregates = [_aggregate(event) for event in happened]
    versions = await _last_versions(tx.connection, aggregates)
    stored = []
    for event, (kind, aggregate_id) in zip(happened, aggregates, strict=True):
        versions[aggregate_id] += 1
        stored.append(_stored(event, kind, aggregate_id, versions[aggregate_id]))
    await tx.record_all(stored)


async def _last_versions(
    connection: asyncpg.Connection, aggregates: Sequence[tuple[str, UUID]]
) -> defaultdict[UUID, int]:
    versions: defaultdict[UUID, int] = defaultdict(int)
    for org_id, count in Counter(each for kind, each in aggregates if kind == _ORGANISATION).items():
        versions[org_id] = await connection.fetchval(_NEXT_VERSIONS, org_id, count)
    for person in sorted({each for kind, each in aggregates if kind == _PERSON}):
        # Nothing else holds them apart: somebody may fail to sign in to one account many times at once.
        await connection.execute(_ONE_AT_A_TIME, f"assay.auth.user.{person}")
    others = {each for kind, each in aggregates if kind != _ORGANISATION}
    if others:
        rows = await connection.fetch(_LAST_VERSIONS, others)
        versions.update({row["aggregate_id"]: row["version"] for row in rows})
    return versions


def _aggregate(event: events.Event) -> tuple[str, UUID]:
    for kind in _AGGREGATES:
        aggregate_id: UUID | None = getattr(event, f"{kind}_id", None)
        if aggregate_id is not None:
            return kind, aggregate_id
    return (_PERSON, event.user_id) if isinstance(event, events.OfPerson) else (_ORGANISATION, event.org_id)


def _stored(event: events.Event, aggregate_type: str, aggregate_id: UUID, version: int) -> NewEvent:
    return NewEvent(
        topic=AUTH_EVENTS,
        message=message_of(event),
        org_id=event.org_id,
        key=str(event.org_id),
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        aggregate_version=version,
    )


def message_of(event: events.Event) -> Message:
    """The message that tells of an event: of the same name, with the same fields."""
    message: Any = getattr(events_pb2, type(event).__name__)
    fields = {_FIELDS.get(field.name, field.name): getattr(event, field.name) for field in dataclasses.fields(event)}
    if _ORGANISATION_FIELD not in message.DESCRIPTOR.fields_by_name:  # the envelope names the organisation
        fields.pop(_ORGANISATION_FIELD, None)
    told: Message = message(**{name: _value(value) for name, value in fields.items()})
    return told


def _value(value: object) -> object:
    match value:
        case UUID():
            return str(value)
        case Role():
            return _ROLES[value]
        case StrEnum():
            return value.value
        case datetime():
            stamp = Timestamp()
            stamp.FromDatetime(value)
            return stamp
        case _:
            return value
