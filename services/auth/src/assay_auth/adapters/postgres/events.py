"""Events as protobuf messages in the event store.

The events of an organisation and its members are versions of the organisation; a key has two versions, created and
revoked. All are keyed by the organisation, so that they arrive in order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

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
_CREATED, _REVOKED = 1, 2

_NEXT_VERSIONS = "UPDATE organisations SET version = version + $2 WHERE org_id = $1 RETURNING version - $2"


async def record(tx: TenantTransaction, happened: Sequence[events.Event]) -> None:
    """Store the events in their order."""
    of_keys = [event for event in happened if isinstance(event, events.ApiKeyCreated | events.ApiKeyRevoked)]
    of_organisation = [event for event in happened if event not in of_keys]
    stored = [_of_key(event) for event in of_keys]
    if of_organisation:
        org_id = of_organisation[0].org_id
        version: int = await tx.connection.fetchval(_NEXT_VERSIONS, org_id, len(of_organisation))
        stored += [
            _stored(event, "organisation", org_id, version + place) for place, event in enumerate(of_organisation, 1)
        ]
    await tx.record_all(stored)


def _of_key(event: events.ApiKeyCreated | events.ApiKeyRevoked) -> NewEvent:
    version = _CREATED if isinstance(event, events.ApiKeyCreated) else _REVOKED
    return _stored(event, "api_key", event.api_key_id, version)


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
    """The message that tells of an event."""
    match event:
        case events.OrganisationCreated(org_id, slug, name, owner_id):
            return events_pb2.OrganisationCreated(
                organisation_id=str(org_id), slug=slug, name=name, owner_id=str(owner_id)
            )
        case events.MemberAdded(org_id, user_id, role):
            return events_pb2.MemberAdded(organisation_id=str(org_id), user_id=str(user_id), role=_ROLES[role])
        case events.MemberRoleChanged(org_id, user_id, role):
            return events_pb2.MemberRoleChanged(organisation_id=str(org_id), user_id=str(user_id), role=_ROLES[role])
        case events.MemberRemoved(org_id, user_id):
            return events_pb2.MemberRemoved(organisation_id=str(org_id), user_id=str(user_id))
        case events.ApiKeyCreated(_, key_id, name, scopes, expires_at):
            return events_pb2.ApiKeyCreated(
                api_key_id=str(key_id), name=name, scopes=scopes, expires_at=_timestamp(expires_at)
            )
        case events.ApiKeyRevoked(_, key_id):
            return events_pb2.ApiKeyRevoked(api_key_id=str(key_id))


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
